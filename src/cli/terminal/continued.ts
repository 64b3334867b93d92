/**
 * Has `draw` called each time that this process goes on after Ctrl-Z, or another stop: the shell has written below what
 * stood there, and has set the terminal as it likes. Gives a function that ends it.
 */
export function onContinued(draw: () => void): () => void {
  // readline has a listener of its own, which stops reading.
  const heard = (): void => void setImmediate(draw)
  process.on('SIGCONT', heard)
  return () => process.off('SIGCONT', heard)
}

/** Has keys come one by one again. The terminal is not asked how it is now, and would take it for set. */
export function takeKeys(input: NodeJS.ReadableStream): void {
  if (!('setRawMode' in input) || typeof input.setRawMode !== 'function') return
  input.setRawMode(false)
  input.setRawMode(true)
}

/** Has `suspend` called before Ctrl-Z stops this process, too. Gives a function that ends both. */
export function onStopped(suspend: () => void, draw: () => void): () => void {
  const stopped = (): void => {
    suspend()
    // Our listener has kept the signal from stopping it.
    process.kill(process.pid, 'SIGSTOP')
  }
  process.on('SIGTSTP', stopped)
  const release = onContinued(draw)
  return () => {
    process.off('SIGTSTP', stopped)
    release()
  }
}
