import { systemCode } from '../../core/errors.js'
import { CannotListen } from '../../network/listening.js'
import { Failure } from '../failure.js'

/** One sentence for an address at which a peer cannot listen; undefined where the error is another one. */
export function listenProblem(error: unknown): Failure | undefined {
  if (!(error instanceof CannotListen)) return undefined
  const what = `${error.message}: ${whatToDo(systemCode(error.cause))} with --listen ADDRESS`
  return new Failure(error.code, what, { cause: error })
}

function whatToDo(code: string | undefined): string {
  switch (code) {
    case 'EADDRINUSE':
      return 'the address is in use by another program; stop that one, or give another one'
    case 'EADDRNOTAVAIL':
      return 'this machine does not have the address; give one that it has, or /ip4/0.0.0.0/tcp/PORT for all of them,'
    case 'EACCES':
      return 'this user may not listen at the port; give one from 1024 up'
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'its name has no address; give an IP address of this machine'
    case undefined:
      return 'that is no TCP address; give one, such as /ip4/127.0.0.1/tcp/4100,'
    default:
      return `the system refuses it (${code}); give a TCP address of this machine`
  }
}
