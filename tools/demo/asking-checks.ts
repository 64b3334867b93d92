import { randomBytes } from 'node:crypto'
import { messagesOf } from '#src/cli/terminal/output.js'
import { equal, hashFromHex, toHex } from '#src/core/bytes.js'
import { sha256 } from '#src/core/hash.js'
import { peerIdFromText } from '#src/core/keys.js'
import { type Check, demand } from '../scenario/checks.js'
import { Inquiry } from './inquiry.js'
import { acceptedIn, type Part, type Sending } from './sending.js'

/** What the running sequencer is asked. Every answer has been verified before a check sees it. */
export function askingChecks(sending: Sending, inquiry: Inquiry): Check[] {
  const { blockSize } = sending.options
  return [
    {
      name: 'count',
      what: 'the accepted messages fill whole blocks, the rest is pending',
      run: async () => {
        const accepted = acceptedIn(sending)
        const { height, size, pending } = await inquiry.status()
        const found = `${height} blocks with ${size} messages, ${pending} pending`
        demand(height === Math.floor(accepted / blockSize), `${found}, of ${accepted} accepted`)
        demand(size === height * blockSize && pending === accepted % blockSize, found)
        return found
      }
    },
    {
      name: 'blocks by index',
      what: 'each block is signed, exactly full, and chained to the one before',
      run: async () => {
        const blocks = await inquiry.blocks()
        let parent = (await (await inquiry.asker()).blockAt(0)).signed
        for (const { signed, envelopes } of blocks) {
          const { header } = signed
          demand(envelopes.length === blockSize, `block ${header.height} has ${envelopes.length} messages`)
          demand(equal(header.parent, parent.id), `block ${header.height} does not follow the one before`)
          parent = signed
        }
        return `${blocks.length} blocks of ${blockSize}`
      }
    },
    {
      name: 'head',
      what: 'the head is the last block, as the count names it',
      run: async () => {
        const { signed } = await inquiry.head()
        const { height, head } = await inquiry.status()
        demand(signed.header.height === height, `the head is block ${signed.header.height} of ${height}`)
        demand(equal(signed.id, head), 'the count names another head')
        return `block ${height}, ${toHex(signed.id)}`
      }
    },
    {
      name: 'previous',
      what: 'from the head back to the genesis by previous; the genesis has none',
      run: async () => {
        const asker = await inquiry.asker()
        let { signed } = await inquiry.head()
        const { height } = signed.header
        for (let steps = 0; steps < height; steps += 1) ({ signed } = await asker.previous(signed.id))
        demand(signed.header.height === 0, `${height} steps lead to block ${signed.header.height}`)
        await Inquiry.notFound('a block before the genesis', asker.previous(signed.id))
        return `${height} steps`
      }
    },
    {
      name: 'bad index',
      what: 'an index past the head, and an unknown id, are not found',
      run: async () => {
        const asker = await inquiry.asker()
        const { height } = await inquiry.status()
        const detail = await Inquiry.notFound(`block ${height + 1}`, asker.blockAt(height + 1))
        await Inquiry.notFound('a block far past the head', asker.blockAt(2 ** 40))
        await Inquiry.notFound('a block with a made-up id', asker.blockById(sha256(randomBytes(32))))
        return detail
      }
    },
    {
      name: 'inclusion proofs',
      what: 'a message of each client, at the leaf and position of its receipt',
      run: async () => {
        const asker = await inquiry.asker()
        const { size } = await inquiry.status()
        let proofs = 0
        for (const part of sending.parts) {
          const receipt = middle(part.receipts.filter(({ position }) => position < size))
          if (receipt === undefined) continue
          const { position, leaf } = await asker.inclusion({ leaf: hashOf(receipt.leaf) })
          const named = `${part.client.name}'s message ${receipt.sequence}`
          demand(position === receipt.position, `${named} is at ${position}, not at ${receipt.position}`)
          const byPosition = await asker.inclusion({ position })
          demand(equal(byPosition.leaf, leaf), `${named} has another leaf when asked by position`)
          proofs += 1
        }
        const unproved = sending.parts.length - proofs
        return `${proofs} clients${unproved > 0 ? `; ${unproved} have no message in a block yet` : ''}`
      }
    },
    {
      name: 'no false proof',
      what: 'a leaf that nobody sent, and a pending message, have no proof',
      run: async () => {
        const asker = await inquiry.asker()
        const { size } = await inquiry.status()
        const made = asker.inclusion({ leaf: sha256(randomBytes(32)) })
        const detail = await Inquiry.notFound('a leaf that nobody sent', made)
        await Inquiry.notFound('a proof past the log', asker.inclusion({ position: size }))
        return detail
      }
    },
    {
      name: 'consistency',
      what: "each block's log begins with the log of the block before",
      run: async () => {
        const asker = await inquiry.asker()
        const blocks = await inquiry.blocks()
        let earlier = (await asker.blockAt(0)).signed.header
        for (const { signed } of blocks) {
          await asker.consistency(earlier, signed.header)
          earlier = signed.header
        }
        return `${blocks.length} proofs`
      }
    },
    {
      name: 'order',
      what: "each client's messages stand in the order it sent them",
      run: async () => {
        const last = new Map<string, bigint>()
        const stood = (await inquiry.blocks()).flatMap(messagesOf)
        for (const { author, sequence, position } of [...stood, ...(await pendingOf(sending, inquiry))]) {
          const before = last.get(author) ?? 0n
          demand(BigInt(sequence) > before, `position ${position}: message ${sequence} comes after ${before}`)
          last.set(author, BigInt(sequence))
        }
        return `${last.size} clients, by position`
      }
    },
    {
      name: 'exactly once',
      what: 'each accepted message stands once, at the position its receipt says',
      run: async () => {
        const blocks = await inquiry.blocks()
        const pending = await pendingOf(sending, inquiry)
        const stood = new Map(blocks.flatMap(messagesOf).map(message => [message.position, message]))
        const { size } = await inquiry.status()
        const positions = new Set<number>()
        for (const { client, peerId, receipts } of sending.parts)
          for (const { sequence, position, leaf } of receipts) {
            const named = `${client.name}'s message ${sequence}`
            demand(!positions.has(position), `${named} shares position ${position} with another one`)
            positions.add(position)
            if (position >= size) continue
            const found = stood.get(position)
            demand(
              found?.leaf === leaf && found.author === peerId && found.sequence === sequence,
              `${named} is not at position ${position}`
            )
          }
        const accepted = acceptedIn(sending)
        demand(stood.size + pending.length === accepted, `${stood.size} stand, ${accepted} were accepted`)
        const next = Array.from({ length: pending.length }, (_, index) => size + index)
        demand(
          next.every(position => positions.has(position)),
          'the pending ones leave a gap'
        )
        return `${stood.size} in blocks, ${pending.length} pending`
      }
    },
    {
      name: 'receipts',
      what: "the signed receipt of each client's last message can be asked for",
      run: async () => {
        const asker = await inquiry.sequencerAsker()
        for (const { client, peerId, receipts } of sending.parts) {
          const own = receipts.at(-1)
          demand(own !== undefined, `${client.name} has no receipt`)
          const asked = await asker.receipt(peerIdFromText(peerId), BigInt(own.sequence))
          const entry = asked.entries.find(({ sequence }) => sequence === BigInt(own.sequence))
          demand(
            entry?.position === own.position && toHex(entry.leaf) === own.leaf,
            `${client.name} was told something else before`
          )
        }
        return `${sending.parts.length} clients`
      }
    }
  ]
}

interface Placed {
  readonly author: string
  readonly sequence: number | string
  readonly position: number
}

/** Messages in no block yet, by position, as their receipts tell. */
async function pendingOf(sending: Sending, inquiry: Inquiry): Promise<Placed[]> {
  const { size } = await inquiry.status()
  const placed = ({ peerId, receipts }: Part): Placed[] =>
    receipts.map(({ sequence, position }) => ({ author: peerId, sequence, position }))
  const pending = sending.parts.flatMap(placed).filter(({ position }) => position >= size)
  return pending.sort((a, b) => a.position - b.position)
}

function middle<T>(values: readonly T[]): T | undefined {
  return values[Math.floor(values.length / 2)]
}

function hashOf(hex: string): ReturnType<typeof sha256> {
  const hash = hashFromHex(hex)
  if (hash === undefined) throw new Error(`${hex} is no hash`)
  return hash
}
