/** What is known of a code: what it means, what to do, and how a command that fails with it ends. */
interface ErrorKind {
  readonly means: string
  readonly remedy: string
  /** 1 where it is left out. */
  readonly exitCode?: number
  /** Only a defect of the program brings it so far that a command ends with it. */
  readonly isDefect?: true
}

/**
 * Every error of this program has one of these codes, and programs tell errors apart by them, never by their sentences.
 * docs/ERRORS.md is made of this table. A code keeps its meaning for good; new ones may be added.
 */
const KINDS = {
  ERR_USAGE: {
    means: 'the command line makes no sense as it was given',
    remedy: 'see what the command takes: tallystick COMMAND --help',
    exitCode: 2
  },
  ERR_WRONG_KEY: {
    means: 'the key is not the one that the network document names for this role',
    remedy: 'name the file of that key with --key FILE',
    exitCode: 2
  },
  ERR_EXISTS: {
    means: 'something of that name is there already, and was left as it is',
    remedy: 'name another place, or move what is there away'
  },
  ERR_CANNOT_READ: {
    means: 'a file, a folder or a stream cannot be read',
    remedy: 'check that it is there and that this user may read it'
  },
  ERR_CANNOT_WRITE: {
    means: 'a file, a folder or a stream cannot be written',
    remedy: 'name a place that this user can write, with room on its disk'
  },
  ERR_DISK_FULL: {
    means: 'no more can be written on that disk',
    remedy: 'make room on that disk and start again: what was accepted is there'
  },
  ERR_NOT_WRITABLE: {
    means: 'a folder that could be written cannot be written any more',
    remedy: 'make that folder writable and start again: what was accepted is there'
  },
  ERR_WRONG_CONTENT: {
    means: 'a file or a folder does not hold what is needed here',
    remedy: 'name the right one, or restore it from a copy'
  },
  ERR_NOT_PRIVATE: {
    means: "others can read what must be its owner's alone",
    remedy: 'take their permissions away: chmod 600 FILE, chmod 700 FOLDER'
  },
  ERR_DAMAGED: {
    means: 'what was written is missing, or is not what was written',
    remedy: 'restore it from a copy, or fetch it again from other peers'
  },
  ERR_FILES_DAMAGED: {
    means: 'files of a database are missing or damaged',
    remedy: 'restore the folder from a copy, or fetch what was in it again'
  },
  ERR_KEY_MISSING: {
    means: 'a key that is needed is not where it should be',
    remedy: 'restore its file from a copy, or name it with --key FILE'
  },
  ERR_PASSPHRASE: {
    means: 'a passphrase is missing or does not open the file',
    remedy: 'give the passphrase that the file was encrypted with'
  },
  ERR_FOLDER_IN_USE: {
    means: 'another process has the folder open',
    remedy: 'stop that process, or name another folder with --data DIR'
  },
  ERR_KEY_IN_USE: {
    means: 'another process signs with the key in this network',
    remedy: 'stop that process, or use another key and another folder'
  },
  ERR_MARK_LOST: {
    means: 'what the key has signed is written down nowhere that can be read',
    remedy: 'put the folder that says it back, from its newest copy'
  },
  ERR_OLD_FOLDER: {
    means: 'the key has signed more than the folder holds',
    remedy: 'put the newest folder back, or restore the log from a follower'
  },
  ERR_OTHER_FOLDER: {
    means: 'the folder belongs to something else: another network, another role or another key',
    remedy: 'name an empty folder, or the right one, with --data DIR'
  },
  ERR_NETWORK_DOCUMENT: {
    means: 'the network document is not valid',
    remedy: 'correct what the sentence names, or get the document that the other peers have'
  },
  ERR_SCHEMA: {
    means: 'the schema of messages in the network document is not valid',
    remedy: 'correct the schema at the place that the sentence names'
  },
  ERR_OTHER_NETWORK: {
    means: 'it is of another network than the document describes',
    remedy: 'name the document of that network with --network FILE'
  },
  ERR_NOT_IN_NETWORK: {
    means: 'there is no such thing in this network',
    remedy: 'ask for what its ordering and its application have'
  },
  ERR_LISTEN: {
    means: 'the peer cannot listen at an address',
    remedy: 'give another address with --listen ADDRESS'
  },
  ERR_WRONG_ADDRESS: {
    means: 'the address itself is wrong, or another peer is there',
    remedy: 'name the right address with --connect ADDRESS'
  },
  ERR_UNREACHABLE: {
    means: 'no peer can be asked now',
    remedy: 'start a peer there, or name another one with --connect ADDRESS'
  },
  ERR_NO_CHAIN: {
    means: 'no peer shows a chain that can be used',
    remedy: 'name other peers with --connect ADDRESS'
  },
  ERR_NO_ANSWER: {
    means: 'the peer gave no answer, or not the whole of it',
    remedy: 'ask again, or ask another peer'
  },
  ERR_QUERY_REFUSED: {
    means: 'the peer does not answer the query, and says why',
    remedy: 'ask later, or ask another peer'
  },
  ERR_NOT_FOUND: {
    means: 'what was asked for is not there',
    remedy: 'check what was named; it may come later'
  },
  ERR_INVALID_ANSWER: {
    means: 'the answer does not hold: the peer is wrong, or lies',
    remedy: 'ask another peer'
  },
  ERR_OLD_CERTIFICATE: {
    means: 'the certificate that the peer shows is not the newest, or its time is over',
    remedy: "ask another peer, or wait for the sequencer's new certificate"
  },
  ERR_CONTRADICTION: {
    means: 'the log that the peer shows is not the one that was seen before',
    remedy: 'keep what was seen, and ask other peers'
  },
  ERR_SEQUENCER_LIED: {
    means: 'there is proof that the sequencer has lied',
    remedy: 'send it nothing more, and check the evidence with: tallystick verify FILE'
  },
  ERR_CHAIN_MOVED: {
    means: 'the chain is not, or no longer, the one that was shown before',
    remedy: 'start the command again, or ask another peer'
  },
  ERR_CHAIN_TOO_LONG: {
    means: 'the chain is too long to be verified for one question, or made up',
    remedy: 'ask another peer, or read the folder of a peer of your own with --from'
  },
  ERR_NOT_VALID: {
    means: 'a log, a set or a receipt breaks the rules',
    remedy: 'get it from another peer; up to there it is valid'
  },
  ERR_REFUSED: {
    means: 'a message was refused',
    remedy: 'see docs/PROTOCOL.md for what to do about each reason'
  },
  ERR_NOT_SETTLED: {
    means: 'not all was done, or known to be done, in the time that there was',
    remedy: 'start the command again on the same folder'
  },
  ERR_PEER_FAILED: {
    means: 'a peer, or the process of one, cannot go on',
    remedy: 'see what it said, and start it again'
  },
  ERR_PEER_STATE: {
    means: 'a peer, or the network of them, is not in the state that this needs',
    remedy: 'start it, stop it or name another one, as the sentence says'
  },
  ERR_OTHER_VERSION: {
    means: 'the other process says what is not understood here',
    remedy: 'use the same version of tallystick on both sides'
  },
  ERR_FENCED: {
    means: 'another one has opened the journal since then, so that this one writes and signs nothing more',
    remedy: 'let the other one go on, or stop it and start this one again'
  },
  ERR_INTERRUPTED: {
    means: 'interrupted; everything has been stopped',
    remedy: 'start it again',
    exitCode: 130
  },
  ERR_DECODE: {
    means: 'bytes or text are not in the form that they must have',
    remedy: 'get them again from where they come from'
  },
  ERR_JSON_INEXACT: {
    means: 'JSON would become another value by being read',
    remedy: 'name each key once, and give no number that a double cannot hold'
  },
  ERR_JSON_TOO_LARGE: {
    means: 'JSON is nested too deep, or has too many values',
    remedy: 'make it smaller; docs/LIMITS.md has the limits'
  },
  ERR_NOT_SHOWN: {
    means: 'a proof does not show the part of a tree that is asked for',
    remedy: 'report it, with the stack that is printed',
    isDefect: true
  },
  ERR_IMPOSSIBLE_BALANCE: {
    means: 'accounts would have what no accounts can have',
    remedy: 'report it, with the stack that is printed',
    isDefect: true
  },
  ERR_NOT_VALIDATED: {
    means: 'there is no verdict on messages, as judging them failed',
    remedy: 'report it, with the stack that is printed',
    isDefect: true
  },
  ERR_INTERNAL: {
    means: 'a defect of tallystick',
    remedy: 'report it, with the stack that is printed',
    isDefect: true
  }
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof KINDS
export const ERRORS: Readonly<Record<ErrorCode, ErrorKind>> = KINDS

export function isErrorCode(text: unknown): text is ErrorCode {
  return typeof text === 'string' && Object.hasOwn(KINDS, text)
}

/** What this program throws: a code for programs, a sentence for people, and what brought it about. */
export class TallystickError extends Error {
  override name = 'TallystickError'

  constructor(
    readonly code: ErrorCode,
    message: string = ERRORS[code].means,
    options?: ErrorOptions
  ) {
    super(message, options)
  }
}

/** Of an error whose class has a code of its own, unless another one is given. */
export interface CodedOptions extends ErrorOptions {
  readonly code?: ErrorCode
}

/** Whether it is an error of this program with one of these codes. */
export function hasCode(error: unknown, ...codes: readonly ErrorCode[]): error is TallystickError {
  return error instanceof TallystickError && codes.includes(error.code)
}

/**
 * The code of a system error (ENOENT, EADDRINUSE, …) or of LevelDB's, however deep it is wrapped. An error of this
 * program has put into words already what the system said, and has a code of its own: it has none of these.
 */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof TallystickError) return undefined
  if ('code' in error && typeof error.code === 'string' && !GENERIC_CODES.has(error.code)) return error.code
  if (error instanceof AggregateError) return error.errors.map(systemCode).find(code => code !== undefined)
  return systemCode(error.cause)
}

/** These say that something failed and leave the reason to their cause. */
const GENERIC_CODES: ReadonlySet<string> = new Set(['LEVEL_DATABASE_NOT_OPEN'])
