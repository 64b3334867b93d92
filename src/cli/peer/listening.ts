import { describeError } from '../../core/events.js'
import { errorCode, Failure } from '../failure.js'

/** One sentence for an address at which a peer cannot listen; undefined where the error is another one. */
export function listenProblem(error: unknown): Failure | undefined {
  if (!(error instanceof Error)) return undefined
  const text = describeError(error)
  const code = errorCode(error)
  if (/Listen|Addresses/.test(error.name)) {
    // libp2p gives the errors of all addresses as text, each behind its address.
    const [, address = '', why = ''] = /^ +(\/\S+): (.*)$/m.exec(error.message) ?? []
    return failureOf(address === '' ? '' : ` at ${address}`, code ?? codeIn(why))
  }
  return code === 'EADDRINUSE' || text.includes('EADDRINUSE') ? failureOf('', 'EADDRINUSE') : undefined
}

function codeIn(text: string): string | undefined {
  return /\bE[A-Z]{3,}\b/.exec(text)?.[0]
}

function failureOf(where: string, code: string | undefined): Failure {
  return new Failure(`it cannot listen${where}: ${causeOf(code)} with --listen ADDRESS`)
}

function causeOf(code: string | undefined): string {
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
