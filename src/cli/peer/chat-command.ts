import { generateKeyPair } from '@libp2p/crypto/keys'
import { LOBBY, roomOf } from '../../core/chat.js'
import type { PeerEvent, Report } from '../../core/events.js'
import { signerOf } from '../../core/keys.js'
import { LIMITS } from '../../core/limits.js'
import { within } from '../../lifecycle/waiting.js'
import { addressFrom, addressProblem, hostAndPort, isHost } from '../../network/addresses.js'
import { type Chat, type ChatOptions, createChat } from '../../node/chat.js'
import { UsageError } from '../failure.js'
import { readNetwork } from '../files/files.js'
import { readOrMakeIdentity, readSwarmKey } from '../files/key-files.js'
import { withKeyLock } from '../files/marks.js'
import { DEFAULTS } from '../options.js'
import { type Conversation, openConversation } from '../terminal/conversation.js'
import { reporter } from '../terminal/output.js'
import { type ClosedNetworkOptions, closedNetwork } from './closed-network.js'
import { asFailure, running } from './run-peer.js'

/** A chat needs none of the files that it may be given. */
export interface ChatCommandOptions extends ClosedNetworkOptions {
  readonly room?: string
  readonly network?: string
  readonly key?: string
  readonly listen?: readonly string[]
  /** False where nobody is to be joined, nor asked for. */
  readonly connect?: readonly string[] | false
  readonly json?: true
}

/** Runs a chat until there is no more input, or it is told to stop. */
export async function runChat(options: ChatCommandOptions, stopping: AbortController): Promise<void> {
  const { signal } = stopping
  const place = await placeOf(options)
  // A passphrase may be asked for.
  const key =
    options.key === undefined ? await generateKeyPair('Ed25519') : await readOrMakeIdentity(options.key)
  const isJson = options.json === true
  const conversation = openConversation({ isPlain: isJson, stopping: signal })
  const report = reporterTo(conversation, isJson)
  try {
    const given = options.connect === false ? [] : options.connect
    const connect = given ?? (await askedAddresses(conversation, signal))
    // It may have been told to stop before it has begun.
    if (!signal.aborted) {
      const listen = options.listen ?? [DEFAULTS.anyPort]
      const wishes = { ...place, key, listen, connect, report, stopping: signal }
      const run = async (): Promise<void> => {
        const chat = await createChat(wishes).catch(asFailure)
        await running(chat, signal, () => converse(chat, conversation, signal))
      }
      const owner = { peerId: signerOf(key).peerId, network: { id: place.network } }
      await (options.key === undefined ? run() : withKeyLock({ key: options.key, ...owner }, run))
    }
    report({ event: 'stopped' })
  } finally {
    conversation.close()
  }
}

type Place = Pick<ChatOptions, 'network' | 'admitted' | 'swarmKey'>

async function placeOf(options: ChatCommandOptions): Promise<Place> {
  const { room, network, key, membersOnly, allow, swarmKey } = options
  if (network !== undefined) {
    if (room !== undefined)
      throw new UsageError('--room and --network name two places; a chat is in one of them')
    if (membersOnly === true && key === undefined)
      throw new UsageError('--members-only wants the key of a member: name its file with --key FILE')
    const read = await readNetwork(network)
    return { network: read.id, ...(await closedNetwork(options, read)) }
  }
  if (membersOnly === true || allow !== undefined)
    throw new UsageError('--members-only and --allow go with --network FILE, which names the members')
  const found = roomOf(room ?? LOBBY)
  if (found === undefined) throw new UsageError('the name of a room has 1 to 100 characters')
  return { network: found.id, ...(swarmKey !== undefined && { swarmKey: await readSwarmKey(swarmKey) }) }
}

/** None where a new network is wanted, or the answer is no address. */
async function askedAddresses(conversation: Conversation, stopping: AbortSignal): Promise<readonly string[]> {
  const answer = (
    await conversation.ask('address of a peer to join, host:port (empty: none, begin anew):')
  )?.trim()
  if (answer === undefined || answer === '') return []
  const port = isHost(answer) ? (await conversation.ask('its port:'))?.trim() : undefined
  const text = port === undefined ? answer : `${answer}:${port}`
  const address = addressFrom(text)
  if (address !== undefined) return [address]
  if (!stopping.aborted)
    conversation.note(
      `"${text}" is no address: ${addressProblem(text)}; this is a network of its own now, which others may join`
    )
  return []
}

function reporterTo(conversation: Conversation, isJson: boolean): Report {
  const report = reporter(isJson, (...lines) => conversation.note(...lines))
  if (isJson) return report
  return event => {
    if (event.event === 'line') conversation.hear(event.text)
    else if (event.event === 'started') conversation.note(...welcome(event, conversation.isTyped))
    else report(event)
  }
}

function welcome(
  { addresses }: Extract<PeerEvent, { readonly event: 'started' }>,
  isTyped: boolean
): string[] {
  const places = [...new Set(addresses.map(hostAndPort))]
  const help = isTyped ? '; /help shows more' : ''
  return [...places.map(place => `others join at ${place}`), `type a line, and all will read it${help}`]
}

async function converse(chat: Chat, conversation: Conversation, stopping: AbortSignal): Promise<void> {
  for await (const line of conversation.lines()) {
    await chat.say(line, stopping)
    if (stopping.aborted) return
  }
  await chat.settled(within(LIMITS.frameMs, stopping)).catch(() => undefined)
}
