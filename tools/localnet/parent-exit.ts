/**
 * Runs clean-ups when this process exits with something left: by an exception, process.exit, or because
 * nobody stopped it. Clean-ups run in the reverse order and must be synchronous. A process that dies by a
 * signal it does not handle runs none; its peers notice that the channel to it has closed, and stop.
 */
const cleanUps = new Set<() => void>()

/** Gives a function that takes the clean-up back. */
export function onParentExit(cleanUp: () => void): () => void {
  if (cleanUps.size === 0) process.on('exit', cleanAll)
  cleanUps.add(cleanUp)
  return () => {
    cleanUps.delete(cleanUp)
    if (cleanUps.size === 0) process.off('exit', cleanAll)
  }
}

function cleanAll(): void {
  for (const cleanUp of [...cleanUps].reverse()) cleanUp()
}
