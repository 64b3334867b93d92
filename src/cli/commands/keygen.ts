import { Command, InvalidArgumentError } from 'commander'
import { toHex } from '../../core/bytes.js'
import { peerIdToString, RSA_BITS, signerOf } from '../../core/keys.js'
import { Failure, UsageError } from '../failure.js'
import { exists } from '../files.js'
import { addEncryptionKey, KEY_TYPES, type KeyType, makeIdentity } from '../key-files.js'
import { wholeNumber } from '../options.js'
import { printJson } from '../output.js'

const TYPES = [...KEY_TYPES, 'X25519'] as const

interface KeygenOptions {
  readonly type: (typeof TYPES)[number]
  readonly bits?: number
  readonly rotate?: true
  readonly json?: true
}

export function keygenCommand(): Command {
  return new Command('keygen')
    .description('Makes a private key in a file that only its owner can read.')
    .argument('<file>', 'where it goes')
    .option(
      '--type <type>',
      `${TYPES.join(', ')}: the last one makes an encryption key of a sequencer`,
      keyType,
      'Ed25519' as const
    )
    .option(
      '--bits <n>',
      'RSA: length of the modulus (default: 2048)',
      wholeNumber(RSA_BITS.least, RSA_BITS.most)
    )
    .option('--rotate', 'X25519: put the new key before those in the file, which go on opening')
    .option('--json', 'one JSON object on stdout')
    .action(keygen)
}

async function keygen(file: string, options: KeygenOptions): Promise<void> {
  const { type, bits, rotate } = options
  if (bits !== undefined && type !== 'RSA') throw new UsageError('--bits goes with --type RSA alone')
  if (rotate === true && type !== 'X25519') throw new UsageError('--rotate goes with --type X25519 alone')
  const made =
    type === 'X25519' ? await encryptionKey(file, rotate === true) : await identity(file, type, bits)
  if (options.json) printJson(made)
  else process.stdout.write(`${Object.values(made).join('  ')}\n`)
}

async function identity(file: string, type: KeyType, bits?: number): Promise<Record<string, string>> {
  const key = await makeIdentity(file, type, bits)
  return { file, type, peerId: peerIdToString(signerOf(key).peerId) }
}

async function encryptionKey(file: string, rotate: boolean): Promise<Record<string, string>> {
  if (!rotate && (await exists(file)))
    throw new Failure(`${file} exists already; --rotate puts a new key before those in it`)
  const { keyId } = await addEncryptionKey(file)
  return { file, type: 'X25519', keyId: toHex(keyId) }
}

/** Types are known by their names in any case. */
function keyType(text: string): (typeof TYPES)[number] {
  const name = TYPES.find(known => known.toLowerCase() === text.toLowerCase())
  if (name === undefined) throw new InvalidArgumentError(`It must be one of ${TYPES.join(', ')}.`)
  return name
}
