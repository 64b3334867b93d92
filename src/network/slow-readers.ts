import type { Connection } from '@libp2p/interface'

/**
 * Each stream has its own limit of what may wait for its reader; this keeps all of them together within one:
 * those who leave most unread are disconnected first.
 */
export function endSlowReaders(connections: readonly Connection[], unsentBytes: number): void {
  const waiting = connections
    .map(connection => ({ connection, bytes: unsentOn(connection) }))
    .filter(({ bytes }) => bytes > 0)
    .sort((a, b) => b.bytes - a.bytes)
  let total = waiting.reduce((sum, { bytes }) => sum + bytes, 0)
  for (const { connection, bytes } of waiting) {
    if (total <= unsentBytes) return
    connection.abort(new Error('it reads too slowly, and too much waits for all readers together'))
    total -= bytes
  }
}

function unsentOn({ streams }: Connection): number {
  return streams.reduce((sum, { writeBufferLength }) => sum + writeBufferLength, 0)
}
