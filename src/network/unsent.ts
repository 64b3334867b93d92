import type { Connection, Stream } from '@libp2p/interface'

/** Resolves when nothing waits on these connections any more: it has left, or they have ended. Rejects when `signal` fires. */
export async function whenNothingWaits(
  connections: readonly Connection[],
  signal: AbortSignal
): Promise<void> {
  const streams = connections.flatMap(({ streams }) => streams)
  await Promise.all(streams.map(stream => whenIdle(stream, signal)))
}

async function whenIdle(stream: Stream, signal: AbortSignal): Promise<void> {
  if (stream.writeBufferLength === 0 || stream.status !== 'open') return
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const abort = (): void => reject(signal.reason)
  const ends = ['idle', 'close'] as const
  for (const event of ends) stream.addEventListener(event, () => resolve(), { once: true })
  signal.addEventListener('abort', abort)
  try {
    signal.throwIfAborted()
    await promise
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
