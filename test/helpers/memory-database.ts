import { MemoryLevel } from 'memory-level'
import type { Database } from '#src/chain/store.js'

/** For tests of many small chains: whatever needs no disk. */
export async function memoryDatabase(): Promise<Database> {
  const database = new MemoryLevel<Uint8Array, Uint8Array>({ keyEncoding: 'view', valueEncoding: 'view' })
  await database.open()
  return database
}
