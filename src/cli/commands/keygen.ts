import { Command, InvalidArgumentError, Option } from 'commander'
import { toHex } from '../../core/bytes.js'
import { peerIdToString, RSA_BITS, signerOf } from '../../core/keys.js'
import { Failure, UsageError } from '../failure.js'
import { exists } from '../files/files.js'
import {
  changePassphrase,
  KEY_TYPES,
  type KeyType,
  makeEncryptionKey,
  makeIdentity,
  makeSwarmKey,
  rotateEncryptionKey
} from '../files/key-files.js'
import { wholeNumber } from '../options.js'
import { changedPassphrase, newPassphrase } from '../terminal/passphrase.js'
import { printJson, printLine, printResult } from '../terminal/terminal.js'

const TYPES = [...KEY_TYPES, 'X25519', 'swarm'] as const

interface KeygenOptions {
  readonly type: (typeof TYPES)[number]
  readonly bits?: number
  readonly rotate?: true
  readonly encrypt?: true
  readonly changePassphrase?: true
  readonly json?: true
}

export function keygenCommand(): Command {
  return new Command('keygen')
    .description('Makes a secret key in a file that only its owner can read.')
    .argument('<file>', 'where it goes')
    .addOption(
      new Option(
        '--type <type>',
        "X25519 makes an encryption key of a sequencer, swarm a network's pre-shared key"
      )
        .choices(TYPES)
        .argParser(keyType)
        .default('Ed25519' as const)
    )
    .option(
      '--bits <n>',
      'RSA: length of the modulus (default: 2048)',
      wholeNumber(RSA_BITS.least, RSA_BITS.most)
    )
    .option('--rotate', 'X25519: put the new key before those in the file, which go on opening for a grace')
    .option('--encrypt', 'encrypt the file with a passphrase; `age` reads it, too')
    .option('--change-passphrase', 'make no key, but encrypt the file that is there with a new passphrase')
    .option('--json', 'one JSON object on stdout')
    .action(keygen)
}

async function keygen(file: string, options: KeygenOptions): Promise<void> {
  const made = await make(file, options)
  if (options.json) printJson(made)
  else printResult(Object.values(made).join('  '))
}

async function make(file: string, options: KeygenOptions): Promise<Record<string, string>> {
  const { type, bits, rotate, encrypt } = options
  if (bits !== undefined && type !== 'RSA') throw new UsageError('--bits goes with --type RSA alone')
  if (rotate === true && type !== 'X25519') throw new UsageError('--rotate goes with --type X25519 alone')
  if (options.changePassphrase === true) return withNewPassphrase(file, options)
  const isThere = await exists(file)
  if (encrypt === true && type === 'swarm') throw new UsageError('--encrypt goes with private keys alone')
  if (rotate === true && isThere) return rotated(file, encrypt === true)
  // Before anybody is asked for a passphrase.
  if (isThere) throw new Failure('ERR_EXISTS', `${file} exists already; ${whatToDo(options)}`)
  if (type === 'swarm') {
    await makeSwarmKey(file)
    return { file, type }
  }
  const passphrase = encrypt === true ? await newPassphrase(file) : undefined
  return type === 'X25519'
    ? { file, type, keyId: toHex((await makeEncryptionKey(file, passphrase)).keyId) }
    : identity(file, type, bits, passphrase)
}

function whatToDo({ type, encrypt }: KeygenOptions): string {
  if (encrypt === true) return '--change-passphrase encrypts what is in it'
  return type === 'X25519' ? '--rotate puts a new key before those in it' : 'it was left as it is'
}

async function identity(
  file: string,
  type: KeyType,
  bits: number | undefined,
  passphrase: string | undefined
): Promise<Record<string, string>> {
  const key = await makeIdentity(file, { type, bits, passphrase })
  return { file, type, peerId: peerIdToString(signerOf(key).peerId) }
}

async function rotated(file: string, encrypt: boolean): Promise<Record<string, string>> {
  if (encrypt)
    throw new UsageError(
      '--rotate leaves a file encrypted, or not, as it is; --change-passphrase encrypts it'
    )
  const { keyId } = await rotateEncryptionKey(file)
  printLine(
    'a sequencer that runs takes it up when it gets the signal SIGHUP (kill -HUP PID), others at their next start'
  )
  return { file, type: 'X25519', keyId: toHex(keyId) }
}

async function withNewPassphrase(file: string, options: KeygenOptions): Promise<Record<string, string>> {
  if (options.rotate === true || options.encrypt === true || options.bits !== undefined)
    throw new UsageError('--change-passphrase makes no key, and goes with no other option')
  if (!(await exists(file)))
    throw new Failure('ERR_CANNOT_READ', `there is no file ${file}; --encrypt makes a new one`)
  await changePassphrase(file, () => changedPassphrase(file))
  return { file, encrypted: 'with the new passphrase' }
}

/** Types are known by their names in any case. */
function keyType(text: string): (typeof TYPES)[number] {
  const name = TYPES.find(known => known.toLowerCase() === text.toLowerCase())
  if (name === undefined) throw new InvalidArgumentError(`It must be one of ${TYPES.join(', ')}.`)
  return name
}
