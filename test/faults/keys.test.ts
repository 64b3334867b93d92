import assert from 'node:assert/strict'
import { copyFile, link, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { armor, Decrypter, Encrypter } from 'age-encryption'
import { toHex } from '#src/core/bytes.js'
import { deadline, present } from '../helpers/changes.js'
import { checkPeer } from '../helpers/check-peer.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeNetwork, type TestNetwork } from '../helpers/networks.js'
import { RunningClient } from '../helpers/peers.js'
import {
  Program,
  SEQUENCER_OPTIONS,
  type ToolResult,
  tool,
  toolWith,
  writeSequencerFiles
} from '../helpers/program.js'

const KEYS = 'sequencer.encryption.key'
const LISTEN = ['--listen', '/ip4/127.0.0.1/tcp/0'] as const
const FIRST = { TALLYSTICK_PASSPHRASE: 'correct horse' }
const SECOND = { TALLYSTICK_PASSPHRASE: 'battery staple' }

/** As `age --passphrase` writes it, but quick to open. */
async function encrypted(content: Uint8Array): Promise<Uint8Array> {
  const encrypter = new Encrypter()
  encrypter.setPassphrase(FIRST.TALLYSTICK_PASSPHRASE)
  encrypter.setScryptWorkFactor(4)
  return encrypter.encrypt(content)
}

describe('key files of the real program', () => {
  const cleanup = new Cleanup(afterEach)
  let folder: string
  let net: TestNetwork

  beforeEach(async () => {
    folder = await cleanup.folder()
    net = await makeNetwork({ blockSize: 10 })
    await writeSequencerFiles(folder, net)
  })

  async function keygen(args: readonly string[], env = {}): Promise<{ readonly keyId: string }> {
    const ran = await toolWith(env, folder, 'keygen', ...args, '--json')
    assert.equal(ran.code, 0, ran.stderr)
    return JSON.parse(ran.stdout)
  }

  async function sequencer(env = {}, ...options: readonly string[]): Promise<Program> {
    const args = [...SEQUENCER_OPTIONS, ...LISTEN, ...options]
    const program = Program.start(cleanup, folder, args, undefined, env)
    await program.times('started', 1)
    return program
  }

  it('a running sequencer takes up a new key at SIGHUP; one that is no good leaves it as it was', async () => {
    const first = await keygen([KEYS, '--type', 'X25519'])
    const program = await sequencer({}, '--key-grace', '0')
    const address = present(program.of('started')[0]?.addresses?.[0])
    const client = await RunningClient.connected(cleanup, net, address)
    await client.send(15, 'before')
    await client.receipted(15)

    const second = await keygen([KEYS, '--type', 'X25519', '--rotate'])
    await client.send(5, 'not told yet')
    await client.receipted(20)
    assert.equal(client.events.count('resealed'), 0)
    program.signal('SIGHUP')
    await program.times('key', 1)
    assert.deepEqual(
      program.of('key').map(({ keyId, older }) => ({ keyId, older })),
      [{ keyId: second.keyId, older: 0 }]
    )
    await client.send(15, 'after')
    await client.receipted(35)
    assert.equal(client.events.count('resealed'), 15)

    const good = await readFile(join(folder, KEYS), 'utf8')
    await writeFile(join(folder, KEYS), good.replace(/made \S+/, 'made yesterday'))
    program.signal('SIGHUP')
    await program.says(
      /the encryption keys stay as they are: .*encryption\.key is damaged: yesterday is no date; restore/
    )
    await client.send(5, 'as before')
    await client.receipted(40)
    await writeFile(join(folder, KEYS), good)

    // What waits for a block is sealed to an expired key, and has its receipt: a start takes it.
    const third = await keygen([KEYS, '--type', 'X25519', '--rotate'])
    await client.send(3, 'pending')
    await client.receipted(43)
    await client.stop()
    assert.deepEqual(client.events.of('refused'), [])
    await program.kill('SIGKILL')
    const again = await sequencer({}, '--key-grace', '0')
    await again.kill('SIGTERM')
    assert.equal(new Set([first, second, third].map(({ keyId }) => keyId)).size, 3)
    const checked = await checkPeer(join(folder, 'sequencer'), net, { openingKeys: 'sealed' })
    assert.equal(checked.messages.length, 43)
  })

  it('encrypted with a passphrase, they are read, rotated and run with; another passphrase ends it', async () => {
    const path = join(folder, KEYS)
    await keygen([KEYS, '--type', 'X25519'])
    await writeFile(path, await encrypted(await readFile(path)))
    const wrong = Program.start(cleanup, folder, [...SEQUENCER_OPTIONS, ...LISTEN], undefined, SECOND)
    assert.equal((await wrong.exit()).code, 1)
    await wrong.says(/^error: wrong passphrase: sequencer\.encryption\.key does not open with it$/)

    const passphrase = join(folder, 'passphrase')
    await writeFile(passphrase, 'correct horse\n', { mode: 0o600 })
    const program = await sequencer({ TALLYSTICK_PASSPHRASE_FILE: passphrase })
    const address = present(program.of('started')[0]?.addresses?.[0])
    const client = await RunningClient.connected(cleanup, net, address)
    await client.client.send({ text: 'hello' }, deadline())
    await client.receipted(1)
    const newest = await keygen([KEYS, '--type', 'X25519', '--rotate'], FIRST)
    assert.match(await readFile(path, 'utf8'), /^-----BEGIN AGE ENCRYPTED FILE-----\n/)
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    program.signal('SIGHUP')
    await program.times('key', 1)
    assert.deepEqual(
      program.of('key').map(({ keyId, older }) => ({ keyId, older })),
      [{ keyId: newest.keyId, older: 1 }]
    )
    assert.equal((await program.kill('SIGTERM')).code, 0)
    assert.ok(!program.stderr.some(line => line.includes('correct horse')), 'no secret is told')
  })

  it('an ECDSA key is refused with a sentence, by every program that is given one', async () => {
    const ecdsa = await generateKeyPair('ECDSA')
    await writeFile(join(folder, 'ecdsa.key'), privateKeyToProtobuf(ecdsa), { mode: 0o600 })
    const says =
      /^error: ecdsa\.key holds no usable private key \(keys of type ECDSA are not used here; use Ed25519, secp256k1 or RSA\); restore it from a copy, or make one with: tallystick keygen FILE$/m
    for (const role of ['sequencer', 'client', 'follower']) {
      const args = [
        '--role',
        role,
        '--network',
        'network.json',
        '--key',
        'ecdsa.key',
        '--data',
        role,
        '--json'
      ]
      const program = Program.start(cleanup, folder, args)
      assert.equal((await program.exit()).code, 1)
      assert.match(program.stderr.join('\n'), says)
    }
    const asked = await tool(folder, 'count', '--network', 'network.json', '--key', 'ecdsa.key')
    assert.equal(asked.code, 1)
    assert.match(asked.stderr, says)
  })

  it('one of another kind, a folder and a damaged one are each named for what they are', async () => {
    await keygen(['x.key', '--type', 'X25519'])
    await keygen(['swarm.key', '--type', 'swarm'])
    const pem = await readFile(join(folder, 'x.key'), 'utf8')
    await writeFile(join(folder, KEYS), pem.replace('-----\nM', '-----\nN'), { mode: 0o600 })
    const count = ['count', '--network', 'network.json']
    for (const [args, says] of [
      [
        [...count, '--key', 'x.key'],
        /x\.key holds an encryption key \(X25519\), and an identity key .* is needed/
      ],
      [[...count, '--key', 'swarm.key'], /swarm\.key holds the pre-shared key of a network/],
      [[...count, '--key', '.'], /error: \. is a folder; name a file in it/],
      [
        ['keygen', KEYS, '--type', 'X25519', '--rotate'],
        /is damaged: .*restore it from a copy, .*a new key opens no message/
      ]
    ] as const) {
      const ran = await tool(folder, ...args)
      assert.equal(ran.code, 1)
      assert.match(ran.stderr, says)
    }
  })

  it('a key or a document that was lost beside a folder that was used is not made anew: the start is refused, and nothing is made', async () => {
    const started = await sequencer()
    const [address = ''] = present(started.of('started')[0]?.addresses, 'its addresses')
    const client = [
      '--role',
      'client',
      '--network',
      'network.json',
      '--key',
      'client.key',
      '--data',
      'client'
    ]
    const send = (): Program =>
      Program.start(cleanup, folder, [...client, '--stdin', '--connect', address, '--json'], 'one\n')
    assert.deepEqual(await send().exit(), { code: 0, signal: null })
    await started.kill('SIGTERM')
    const start = (): Program => Program.start(cleanup, folder, [...SEQUENCER_OPTIONS, ...LISTEN])
    for (const [name, run, says] of [
      [KEYS, start, /the encryption key is not at .*nothing was made.*keygen .* --type X25519/],
      [
        'network.json',
        start,
        /no network document at .*is the folder of the sequencer.*put the document back/
      ],
      ['client.key', send, /no key at client\.key, but client is the folder of the client.*nothing was made/]
    ] as const) {
      await rename(join(folder, name), join(folder, 'put-away'))
      const before = await readdir(folder)
      const program = run()
      assert.equal((await program.exit()).code, 1)
      assert.match(program.stderr.join('\n'), says)
      assert.deepEqual(await readdir(folder), before)
      await rename(join(folder, 'put-away'), join(folder, name))
    }
    // With all of them in their places it starts.
    await (await sequencer()).kill('SIGTERM')
  })

  it('the sequencer’s is refused to a follower, and nothing is made', async () => {
    const args = [
      '--role',
      'follower',
      '--network',
      'network.json',
      '--key',
      'sequencer.key',
      '--data',
      'copy'
    ]
    const program = Program.start(cleanup, folder, args)
    assert.equal((await program.exit()).code, 2)
    assert.match(
      program.stderr.join('\n'),
      /sequencer\.key is the sequencer's, and a follower needs a key of its own/
    )
    await assert.rejects(stat(join(folder, 'copy')), { code: 'ENOENT' })
  })

  it('what they sign is kept where a command that sends one message is told to', async () => {
    await writeFile(join(folder, 'client.signed'), 'in the way')
    const program = await sequencer()
    const address = present(program.of('started')[0]?.addresses?.[0])
    const args = [
      'submit',
      'text',
      '--network',
      'network.json',
      '--key',
      'client.key',
      '--data',
      'client',
      '--connect',
      address
    ]
    const refused = await tool(folder, ...args)
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /--marks DIR/)
    const sent = await tool(folder, ...args, '--marks', 'marks')
    assert.equal(sent.code, 0, sent.stderr)
    assert.ok((await stat(join(folder, 'marks'))).isDirectory())
  })

  describe('keygen', () => {
    /** Ends with exit code 1 and one sentence. */
    function expectRefused(ran: ToolResult, says: RegExp): void {
      assert.equal(ran.code, 1, ran.stderr)
      assert.match(ran.stderr, /^error: .*\n$/)
      assert.match(ran.stderr, says)
    }

    it('encrypts what is there, under a first passphrase or another one, so that age reads it', async () => {
      const path = join(folder, 'sequencer.key')
      const key = await readFile(path)
      for (const [content, old] of [
        [key, {}],
        [await encrypted(key), FIRST]
      ] as const) {
        await writeFile(path, content)
        await keygen(['sequencer.key', '--change-passphrase'], { ...old, TALLYSTICK_NEW_PASSPHRASE: 'new' })
        const decrypter = new Decrypter()
        decrypter.addPassphrase('new')
        const opened = await decrypter.decrypt(armor.decode(await readFile(path, 'utf8')))
        assert.equal(toHex(opened), toHex(key))
      }
    })

    it('changes no passphrase for who does not know it', async () => {
      const path = join(folder, 'new.key')
      await writeFile(path, await encrypted(Buffer.from('a key')), { mode: 0o600 })
      const before = await readFile(path)
      const ran = await toolWith(SECOND, folder, 'keygen', 'new.key', '--change-passphrase')
      expectRefused(ran, /wrong passphrase: new\.key does not open with it$/m)
      assert.equal(toHex(await readFile(path)), toHex(before))
    })

    it('changes nothing under one of several names: a link or a hard link would keep what is in the file now', async () => {
      await keygen([KEYS, '--type', 'X25519'])
      const path = join(folder, KEYS)
      const before = await readFile(path)
      await symlink(KEYS, join(folder, 'link.key'))
      for (const [name, says] of [
        ['link.key', /link\.key is a link to a file, which would stay as it is; nothing was written/],
        [KEYS, /has 2 names \(hard links\).*nothing was written: leave it one name/]
      ] as const) {
        if (name === KEYS) await link(path, join(folder, 'copy.key'))
        const env = { TALLYSTICK_NEW_PASSPHRASE: 'new' }
        expectRefused(await toolWith(env, folder, 'keygen', name, '--change-passphrase'), says)
        expectRefused(await tool(folder, 'keygen', name, '--type', 'X25519', '--rotate'), says)
      }
      assert.equal(toHex(await readFile(path)), toHex(before))
      await rm(join(folder, 'copy.key'))
      await keygen([KEYS, '--change-passphrase'], { TALLYSTICK_NEW_PASSPHRASE: 'new' })
      assert.notEqual(toHex(await readFile(path)), toHex(before))
    })

    it('makes an encrypted file that only its owner can read', async () => {
      await keygen(['new.key', '--encrypt'], FIRST)
      const path = join(folder, 'new.key')
      assert.match(await readFile(path, 'utf8'), /^-----BEGIN AGE ENCRYPTED FILE-----\n/)
      assert.equal((await stat(path)).mode & 0o777, 0o600)
    })

    it('says what to do where there is neither a terminal nor a passphrase in the environment', async () => {
      const ran = await toolWith({}, folder, 'keygen', 'new.key', '--encrypt')
      expectRefused(ran, /no terminal .* TALLYSTICK_PASSPHRASE_FILE, or set TALLYSTICK_PASSPHRASE$/m)
      await assert.rejects(stat(join(folder, 'new.key')), 'nothing was made')
    })

    it('takes no empty passphrase, and no passphrase file that others can read', async () => {
      const empty = await toolWith({ TALLYSTICK_PASSPHRASE: '' }, folder, 'keygen', 'new.key', '--encrypt')
      expectRefused(empty, /passphrase in TALLYSTICK_PASSPHRASE is empty/)
      await writeFile(join(folder, 'open'), 'secret', { mode: 0o644 })
      const open = await toolWith(
        {
          TALLYSTICK_PASSPHRASE_FILE: 'open'
        },
        folder,
        'keygen',
        'new.key',
        '--encrypt'
      )
      expectRefused(open, /open can be read by others.*chmod 600/)
    })

    it('leaves a file that is there as it is, and says how to encrypt it', async () => {
      const before = await readFile(join(folder, 'sequencer.key'))
      const ran = await toolWith(FIRST, folder, 'keygen', 'sequencer.key', '--encrypt')
      expectRefused(ran, /exists already; --change-passphrase encrypts/)
      assert.equal(toHex(await readFile(join(folder, 'sequencer.key'))), toHex(before))
    })

    it('does not put an encryption key before something else', async () => {
      await copyFile(join(folder, 'sequencer.key'), join(folder, 'copy.key'))
      const ran = await toolWith({}, folder, 'keygen', 'copy.key', '--type', 'X25519', '--rotate')
      expectRefused(ran, /copy\.key holds no X25519 private keys/)
    })

    it('finds a damaged encrypted file', async () => {
      const whole = await encrypted(Buffer.from('a key'))
      await writeFile(join(folder, 'new.key'), whole.subarray(0, -1), { mode: 0o600 })
      const ran = await toolWith(FIRST, folder, 'keygen', 'new.key', '--change-passphrase')
      expectRefused(ran, /new\.key is damaged/)
    })
  })
})
