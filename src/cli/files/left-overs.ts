/** What must not be left where the process ends in the middle of something. */
const removals = new Set<() => void>()

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Has `remove` called, which must be synchronous, where the process exits or a signal ends it. Gives a function that takes
 * that back.
 */
export function removeAtTheEnd(remove: () => void): () => void {
  if (removals.size === 0) {
    process.on('exit', removeAll)
    for (const signal of SIGNALS) process.on(signal, ended)
  }
  removals.add(remove)
  return () => {
    removals.delete(remove)
    if (removals.size > 0) return
    process.off('exit', removeAll)
    for (const signal of SIGNALS) process.off(signal, ended)
  }
}

function removeAll(): void {
  for (const remove of removals) remove()
}

/** Our listener keeps the signal from ending the process. Where other code listens as well, that code decides. */
function ended(signal: NodeJS.Signals): void {
  if (process.listeners(signal).some(listener => listener !== ended)) return
  removeAll()
  process.off(signal, ended)
  process.kill(process.pid, signal)
}
