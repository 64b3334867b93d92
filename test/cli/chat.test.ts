import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UsageError } from '#src/cli/failure.js'
import { runChat } from '#src/cli/peer/chat-command.js'
import { LOBBY, roomOf } from '#src/core/chat.js'
import { chatTopicOf } from '#src/network/names.js'
import { present } from '../helpers/changes.js'
import { ChatProcess } from '../helpers/chat-process.js'
import { Cleanup } from '../helpers/cleanup.js'
import { Gossiper } from '../helpers/gossiper.js'
import { identity, makeNetwork } from '../helpers/networks.js'
import { hasTerminals, screenOf } from '../helpers/screen.js'

const PEER_ID = /12D3KooW|Qm[1-9A-HJ-NP-Za-km-z]{44}/

/** The lines that a chat prints as JSON. */
function eventsOf(chat: ChatProcess): Record<string, unknown>[] {
  return chat.stdout.map(line => JSON.parse(line))
}

describe('The chat, at three terminals', () => {
  const cleanup = new Cleanup(afterEach)

  it('begins a network where nobody answers, takes others in, and shows each line once and never whose it is', async () => {
    const folder = await cleanup.folder()
    const chat = (args?: readonly string[]) => ChatProcess.start(cleanup, folder, args)
    const first = chat()
    await first.says(/address of a peer/)
    first.type('127.0.0.1:1')
    await first.says(/nobody could be joined at 127.0.0.1:1: .*ECONNREFUSED/)
    await first.says(/a network of its own/)
    await first.started()

    const second = chat()
    second.type(first.address)
    await second.started()
    const third = chat()
    const [host = '', port = ''] = second.address.split(':')
    third.type(host)
    await third.says(/its port/)
    third.type(port)
    await third.started()

    const topic = chatTopicOf(present(roomOf(LOBBY)).id)
    const [, at = ''] = third.address.split(':')
    const listener = await Gossiper.connect(
      cleanup,
      `/ip4/127.0.0.1/tcp/${at}`,
      await identity('listener'),
      topic
    )
    const said = { first: ['one', 'the same', 'the same'], second: ['zwei 語 👩‍💻'], third: ['three'] }
    first.type(...said.first)
    second.type(...said.second)
    third.type(...said.third)
    for (const [peer, own] of [
      [first, said.first],
      [second, said.second],
      [third, said.third]
    ] as const) {
      const others = Object.values(said)
        .filter(lines => lines !== own)
        .flat()
      await peer.shows(others.length)
      assert.deepEqual(peer.stdout.toSorted(), others.toSorted())
    }
    await listener.until('all lines', () => listener.messages.length === 5)
    assert.doesNotMatch(Buffer.from(listener.bytes).toString('latin1'), PEER_ID)
    for (const { from, seqno, signature, key } of listener.messages)
      assert.deepEqual([from, seqno, signature, key], Array(4).fill(undefined))

    first.signal('SIGINT')
    assert.deepEqual(await first.exit(), { code: 0, signal: null })
    second.type('still here?')
    await third.says(/^still here\?$/)
    second.end('and gone')
    assert.deepEqual(await second.exit(), { code: 0, signal: null })
    await third.says(/^and gone$/)
    third.signal('SIGTERM')
    assert.deepEqual(await third.exit(), { code: 0, signal: null })
    for (const { stdout, stderr } of [first, second, third])
      assert.doesNotMatch([...stdout, ...stderr].join('\n'), PEER_ID)
    assert.deepEqual(await readdir(folder), [], 'and leaves nothing behind')
  })

  it('keeps what is being typed below what comes in', async function () {
    if (!hasTerminals()) this.skip()
    const folder = await cleanup.folder()
    const other = ChatProcess.start(cleanup, folder)
    other.type('')
    await other.started()
    const typist = ChatProcess.atTerminal(cleanup, folder, other.address)
    await typist.says(/type a line/)
    await typist.says(/connected with 1/)
    const typed = 'a line that is longer than the sixty columns of this terminal'
    typist.press(typed)
    await typist.until('the line', () => typist.screen.includes('terminal'))
    other.type('incoming')
    await typist.until('what came in', () => typist.screen.endsWith(`${typed}\u001b[4G`))
    const shown = present(typist.screen.split('terminal').at(-2))
    // Up to where the line began, all below it cleared; then what came in, and the line once more.
    assert.ok(shown.startsWith('\u001b[1A\u001b[1G\u001b[0J< incoming\r\n'), JSON.stringify(shown))
    typist.press('!\r')
    await other.says(new RegExp(`^${typed}!$`))
    typist.press('\u0003')
    await typist.says(/^\W*-- stopped/)
    assert.equal((await typist.exit()).code, 0)
  })
})

describe('What is typed in a chat at a terminal', () => {
  const cleanup = new Cleanup(afterEach)

  before(function () {
    if (!hasTerminals()) this.skip()
  })

  /** A chat at a terminal that is connected with one whose lines come through a pipe. */
  async function pair(): Promise<{ typist: ChatProcess; other: ChatProcess }> {
    const folder = await cleanup.folder()
    const other = ChatProcess.start(cleanup, folder, ['--no-connect'])
    await other.started()
    const typist = ChatProcess.atTerminal(cleanup, folder, other.address)
    await typist.says(/type a line/)
    await typist.says(/connected with 1/)
    await typist.ends(/\n> ▏$/)
    return { typist, other }
  }

  it('stands behind one prompt, whatever was heard, noted or sent', async () => {
    const { typist, other } = await pair()
    typist.press('so far')
    await typist.ends(/^> so far▏$/m)
    other.type('heard')
    await typist.ends(/\n< heard\n> so far▏$/)
    const [, address] = /others join at (.*)/.exec(screenOf(typist.screen)) ?? []
    const third = ChatProcess.start(cleanup, await cleanup.folder(), ['--connect', present(address)])
    await third.started()
    await typist.ends(/< heard\n-- connected with 2 of this room\n> so far▏$/)
    typist.press('\r')
    await typist.ends(/\n> so far\n> ▏$/)
    await other.says(/^so far$/)
    other.type('and more')
    await typist.ends(/\n> so far\n< and more\n> ▏$/)
    typist.press('next')
    await typist.ends(/\n< and more\n> next▏$/)
  })

  it('has its prompt back at once and its commands heeded at once, though nobody is there to hear the line before', async () => {
    const { typist, other } = await pair()
    other.signal('SIGTERM')
    await other.exit()
    await typist.ends(/nobody is connected any more\n> ▏$/)
    typist.press('into the dark\r/help\r')
    await typist.ends(/> into the dark\n> \/help\n-- type a line[\s\S]*\n> ▏$/)
  })

  it('is a command: /help explains, /quit leaves as Ctrl-D does', async () => {
    for (const leaving of ['/quit\r', '\u0004']) {
      const { typist, other } = await pair()
      typist.press('/help\r')
      await typist.ends(/\n> \/help\n(-- .*\n)+> ▏$/)
      const shown = screenOf(typist.screen)
      for (const part of [
        '//text',
        '/help',
        '/quit',
        'Ctrl-D',
        'Ctrl-C',
        '< begins',
        '-- a note',
        '> the line'
      ])
        assert.ok(shown.includes(part), part)
      typist.press(`the last one\r${leaving}`)
      assert.deepEqual(await typist.exit(), { code: 0, signal: null })
      assert.match(screenOf(typist.screen), /\n> the last one\n(> \/quit\n)?-- stopped\n▏$/)
      await other.says(/^the last one$/)
      assert.deepEqual(other.stdout, ['the last one'])
    }
  })

  it('is not sent where it is a command that is not known, and is said with one slash where it begins with two', async () => {
    const { typist, other } = await pair()
    typist.press('/qiut\r')
    await typist.ends(
      /\n> \/qiut\n-- not sent, as there is no command \/qiut\n-- \/help shows .* \/\/ begins .*\n> ▏$/
    )
    typist.press('//qiut\r///\r/ip4/1.2.3.4/tcp/5\rthe last one\r')
    await other.says(/^the last one$/)
    assert.deepEqual(other.stdout, ['/qiut', '//', 'the last one'])
  })

  it('is a command in answer to the question for an address, too, which may begin with a slash', async () => {
    const folder = await cleanup.folder()
    const other = ChatProcess.start(cleanup, folder, ['--no-connect'])
    await other.started()
    const typist = ChatProcess.atTerminal(cleanup, folder)
    await typist.ends(/^address of a peer[\s\S]*: ▏$/)
    typist.press('/help\r')
    await typist.ends(/: \/help\n(-- .*\n)+address of a peer[\s\S]*: ▏$/)
    const [host = '', port = ''] = other.address.split(':')
    typist.press(`/ip4/${host}/tcp/${port}\r`)
    await typist.ends(/\n-- connected with 1 of this room\n[\s\S]*> ▏$/)
    const leaving = ChatProcess.atTerminal(cleanup, folder)
    await leaving.ends(/^address of a peer[\s\S]*: ▏$/)
    leaving.press('/quit\r')
    assert.deepEqual(await leaving.exit(), { code: 0, signal: null })
  })

  it('is a command where only what is heard goes into a file', async () => {
    const folder = await cleanup.folder()
    const other = ChatProcess.start(cleanup, folder, ['--no-connect'])
    await other.started()
    const typist = ChatProcess.atTerminal(cleanup, folder, other.address, '> heard.txt')
    await typist.says(/type a line.*\/help/)
    typist.press('/help\r/qiut\r//said\r')
    await typist.says(/no command \/qiut/)
    await other.says(/^\/said$/)
    typist.press('/quit\r')
    assert.deepEqual(await typist.exit(), { code: 0, signal: null })
    assert.deepEqual(other.stdout, ['/said'])
  })
})

describe('The chat, for programs', () => {
  const cleanup = new Cleanup(afterEach)

  it('is a role of a peer, in the room of a network where one is named, and speaks JSON', async () => {
    const folder = await cleanup.folder()
    const { network } = await makeNetwork()
    await writeFile(join(folder, 'network.json'), JSON.stringify(network.document))
    const args = ['--network', 'network.json', '--json']
    const first = ChatProcess.start(cleanup, folder, args, 'peer')
    first.type('')
    await first.started()
    const { addresses, network: id, role } = present(eventsOf(first)[0])
    assert.equal(role, 'chat')
    assert.equal(id, Buffer.from(network.id).toString('hex'))
    assert.ok(Array.isArray(addresses))
    const second = ChatProcess.start(cleanup, folder, [...args, '--connect', `${addresses[0]}`], 'peer')
    const elsewhere = ChatProcess.start(cleanup, folder, ['--connect', `${addresses[0]}`])
    await second.started()
    await elsewhere.says(/another room/)

    const lines = Array.from({ length: 50 }, (_, index) => `line ${index}`)
    second.type(...lines)
    second.end('the last one')
    assert.deepEqual(await second.exit(), { code: 0, signal: null })
    await first.says(/the last one/)
    const heard = eventsOf(first).filter(({ event }) => event === 'line')
    assert.deepEqual(
      heard,
      [...lines, 'the last one'].map(text => ({ event: 'line', text }))
    )
    assert.deepEqual(elsewhere.stdout, [])
    assert.deepEqual(
      eventsOf(second).map(({ event }) => event),
      ['neighbours', 'started', 'stopped']
    )
  })

  for (const args of [[], ['--json']])
    it(`says each line of a pipe as it is, commands too${args.length > 0 ? ', with --json' : ''}`, async () => {
      const folder = await cleanup.folder()
      const first = ChatProcess.start(cleanup, folder, ['--no-connect'])
      await first.started()
      const program = ChatProcess.start(cleanup, folder, ['--connect', first.address, ...args])
      await program.started()
      const lines = ['/quit', '//two', '/help', '/qiut', 'the last one']
      program.type(...lines)
      program.end()
      assert.deepEqual(await program.exit(), { code: 0, signal: null })
      await first.shows(lines.length)
      assert.deepEqual(first.stdout, lines)
      assert.doesNotMatch(program.stderr.join('\n'), /\/help/)
    })

  it('is wrong usage with an address that is none', async () => {
    const chat = ChatProcess.start(cleanup, await cleanup.folder(), ['--connect', 'nowhere'])
    chat.end()
    assert.equal((await chat.exit()).code, 2)
    assert.match(chat.stderr.join('\n'), /host:port, such as .* or a multiaddr/)
    assert.deepEqual(chat.stdout, [])
  })

  for (const [what, options, says] of [
    ['in a room and a network at once', { room: 'a', network: 'b' }, /--room and --network/],
    ['in a room whose name is too long', { room: 'a'.repeat(101) }, /1 to 100 characters/],
    ['for members of no network', { membersOnly: true }, /--network FILE/],
    ['for members without a key', { membersOnly: true, network: 'network.json' }, /--key FILE/],
    ['in a network without a document', { network: 'none.json' }, /no network document at none.json/]
  ] as const)
    it(`is wrong usage ${what}`, async () => {
      await assert.rejects(runChat(options, new AbortController()), error => {
        assert.ok(error instanceof UsageError)
        assert.match(error.message, says)
        return true
      })
    })
})
