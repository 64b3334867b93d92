import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { linesFrom, readSaid, type Said } from '#src/cli/terminal/input.js'
import { LIMITS } from '#src/core/limits.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeNetwork, makeWorkNetwork } from '../helpers/networks.js'
import { RunningSequencer } from '../helpers/peers.js'
import { Program, SequencerProcess, tool, writeSequencerFiles } from '../helpers/program.js'
import { RunningEqual } from '../helpers/running-equal.js'

async function saidIn(...chunks: readonly (string | Uint8Array)[]): Promise<Said[]> {
  const said: Said[] = []
  const input = Readable.from(chunks.map(chunk => Buffer.from(chunk)))
  for await (const each of linesFrom(input).read(new AbortController().signal)) said.push(each)
  return said
}

const PEER = fileURLToPath(import.meta.resolve('#src/peer.js'))
const CLIENT = [
  ...['--role', 'client', '--network', 'network.json', '--key', 'client.key', '--data', 'client'],
  ...['--stdin', '--json']
]
const INVALID = Uint8Array.of(0x61, 0xff, 0xc0, 0x0a)

describe('What is given to be signed', () => {
  const cleanup = new Cleanup(afterEach)

  it('is what stands in the line, or is refused with the reason and the number of the line', async () => {
    const separators = 'a\u2028b\u2029c\ufeffd\u0000e'
    assert.deepEqual(
      await saidIn(
        'a text\n',
        INVALID,
        '{"text":"x","text":"y"}\n',
        '{"text":"x","data":{"n":12345678901234567890}}\n',
        `{"text":"${separators.replace('\0', '')}"}\r\n`,
        `${separators}\n`,
        '\n  \n',
        `${'x'.repeat(LIMITS.messageLineBytes + 1)}\n`,
        '{"id":"own","text":"x"}\n',
        '{"id":7,"text":"x"}\n',
        '{"id":{},"text":"x"}\n',
        '12345678901234567890\n',
        '{"text": }\n',
        'the last one has no end'
      ),
      [
        { ok: true, id: 1, value: { text: 'a text' } },
        { ok: false, id: 2, reason: 'bad encoding', detail: 'line 2 is not UTF-8' },
        {
          ok: false,
          id: 3,
          reason: 'bad schema',
          detail: 'line 3: the key "text" comes twice in one object'
        },
        {
          ok: false,
          id: 4,
          reason: 'bad schema',
          detail:
            'line 4: the number 12345678901234567890 cannot be kept as it is (it would become 12345678901234567000); write it as a string, or as a number that a double holds'
        },
        { ok: true, id: 5, value: { text: separators.replace('\0', '') } },
        { ok: true, id: 6, value: { text: separators } },
        {
          ok: false,
          id: 9,
          reason: 'too large',
          detail: `line 9 has more than ${LIMITS.messageLineBytes} bytes`
        },
        { ok: true, id: 'own', value: { id: 'own', text: 'x' } },
        { ok: true, id: 7, value: { id: 7, text: 'x' } },
        { ok: true, id: 12, value: { id: {}, text: 'x' } },
        { ok: true, id: 13, value: { text: '12345678901234567890' } },
        { ok: true, id: 14, value: { text: '{"text": }' } },
        { ok: true, id: 15, value: { text: 'the last one has no end' } }
      ]
    )
    assert.deepEqual(readSaid('{"a":1,"\\u0061":2}'), {
      ok: false,
      problem: 'the key "\\u0061" comes twice in one object'
    })
  })

  it('is no object behind a byte order mark: that line is refused, a text with one stays as it is', async () => {
    assert.deepEqual(await saidIn('\ufeff{"text":"x","id":"a"}\n', '\ufeffa text\n', '{"text":"y"}\n'), [
      {
        ok: false,
        id: 1,
        reason: 'bad schema',
        detail: 'line 1: it begins with a byte order mark (BOM); write it as UTF-8 without one'
      },
      { ok: true, id: 2, value: { text: '\ufeffa text' } },
      { ok: true, id: 3, value: { text: 'y' } }
    ])
  })

  it('is told of line by line: receipts and refusals, early ones too, carry the id of the line', async () => {
    const net = await makeNetwork()
    const sequencer = await SequencerProcess.start(cleanup, net)
    const folder = await cleanup.folder()
    await writeSequencerFiles(folder, net)
    const lines = [
      Buffer.from('{"text":"x","text":"y"}\none\n\n'),
      INVALID,
      Buffer.from(`{"text":""}\n{"text":"two","id":"b"}\n{"text":"${'x'.repeat(9_000)}"}\nthree`)
    ]
    const client = Program.start(
      cleanup,
      folder,
      [...CLIENT, '--connect', sequencer.address],
      Buffer.concat(lines)
    )
    assert.deepEqual(await client.exit(), { code: 0, signal: null })
    const refused = client.of('refused').map(({ id, sequence }) => [id, sequence])
    // This network's messages have no member "id".
    assert.deepEqual(
      refused,
      [1, 4, 5, 'b', 7].map(id => [id, null])
    )
    assert.deepEqual(
      client.of('receipt').map(({ id, position }) => [id, position]),
      [
        [2, 0],
        [8, 1]
      ]
    )
  })

  it('is refused as an argument that is not UTF-8, as a key that comes twice, and as a number that is altered', async () => {
    const folder = await cleanup.folder()
    for (const [message, why] of [
      ['a\ufffdb', /^error: argument 2 is not UTF-8/],
      [
        '{"text":"x","text":"y"}',
        /^error: the message is not sent: the key "text" comes twice in one object/
      ],
      ['{"text":"x","data":{"n":1e999}}', /^error: the message is not sent: the number 1e999 cannot be kept/]
    ] as const) {
      const { code, stderr } = await tool(folder, 'submit', message)
      assert.match(stderr, why)
      assert.equal(code, 2)
    }
  })

  it('is refused as a network document or a schema that is altered by reading it', async () => {
    const folder = await cleanup.folder()
    const schema = '{"type":"object","properties":{"a":{"maxLength":1e400}}}'
    for (const [name, content, why] of [
      ['twice.json', '{"name":"a","name":"b"}', /the key "name" comes twice in one object/],
      ['bom.json', '\ufeff{}', /begins with a byte order mark \(BOM\); save it as UTF-8 without one/],
      ['latin1.json', Buffer.from('{"name":"\xe4"}', 'latin1'), /is not UTF-8/],
      ['number.json', schema, /the number 1e400 cannot be kept as it is/]
    ] as const) {
      await writeFile(join(folder, name), content)
      for (const args of [
        ['init', '--network', 'n.json', '--schema', name],
        ['init', '--network', 'n.json', '--template', name],
        ['count', '--network', name]
      ]) {
        const { code, stderr } = await tool(folder, ...args)
        assert.match(stderr, why, args.join(' '))
        assert.ok(stderr.includes(name), stderr)
        assert.equal(code, 1)
      }
    }
  })

  it('cannot be read: that is no success, and the line after which it happened is told', async () => {
    const broken = Readable.from(
      (async function* () {
        yield Buffer.from('one\ntwo\nthr')
        throw Object.assign(new Error('read'), { code: 'EIO' })
      })()
    )
    const said: Said[] = []
    await assert.rejects(async () => {
      for await (const each of linesFrom(broken).read(new AbortController().signal)) said.push(each)
    }, /standard input cannot be read any more after line 2 \(EIO\); what came before it was sent/)
    assert.equal(said.length, 2)
  })

  it('is no folder', async () => {
    const net = await makeNetwork()
    const folder = await cleanup.folder()
    await writeSequencerFiles(folder, net)
    const script = `
      import { openSync } from 'node:fs'
      import { spawnSync } from 'node:child_process'
      const [, ...args] = process.argv
      const { status } = spawnSync(process.execPath, args, { stdio: [openSync('.'), 'ignore', 'inherit'] })
      process.exitCode = status
    `
    const client = Program.startScript(cleanup, folder, script, ['--', PEER, ...CLIENT])
    assert.deepEqual(await client.exit(), { code: 2, signal: null })
    assert.match(client.stderr.join('\n'), /standard input is a folder/)
  })

  for (const [kind, make] of [
    ['sealed', makeNetwork],
    ['open', makeWorkNetwork]
  ] as const)
    it(`is on disk before anybody has answered, and sent by the next run after SIGKILL: ${kind} messages`, async () => {
      const net = await make()
      const folder = await cleanup.folder()
      await writeSequencerFiles(folder, net)
      const nobody = ['--connect', '/ip4/127.0.0.1/tcp/9']
      const first = Program.startOpen(cleanup, folder, [...CLIENT, ...nobody], 'one\n\ntwo\nthree\n')
      await first.says(/no peer has taken messages yet; 3 messages are kept in client until then/)
      await first.kill('SIGKILL')
      // A stop, too, leaves them where they are.
      const second = Program.startOpen(cleanup, folder, [...CLIENT, ...nobody], 'four\n')
      await second.says(/; 4 messages are kept in client until then/)
      assert.deepEqual(await second.kill('SIGTERM'), { code: 0, signal: null })
      assert.deepEqual(second.of('refused'), [])

      const address =
        kind === 'sealed'
          ? (await RunningSequencer.start(cleanup, net)).address
          : (await RunningEqual.start(cleanup, net)).address
      const third = Program.start(cleanup, folder, [...CLIENT, '--connect', address], 'five')
      assert.deepEqual(await third.exit(), { code: 0, signal: null })
      const taken = third.of(kind === 'sealed' ? 'receipt' : 'accepted')
      assert.deepEqual(
        taken.map(({ sequence }) => sequence),
        [1, 2, 3, 4, 5]
      )
      assert.equal(taken.at(-1)?.id, 1, 'its own line, and no line of an earlier run')
      assert.equal(taken[0]?.id, undefined)
    })
})
