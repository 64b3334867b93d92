import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { encryptWithPassphrase } from '#src/cli/files/age-file.js'
import { writeFrames } from '#src/cli/files/frame-file.js'
import { makeEncryptionKey } from '#src/cli/files/key-files.js'
import { createFile, writeContent } from '#src/cli/files/written-files.js'
import { utf8 } from '#src/core/bytes.js'
import { newSwarmKey } from '#src/network/swarm-key.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeNetwork } from '../helpers/networks.js'
import { RunningSequencer } from '../helpers/peers.js'
import { Program, tool, writeSequencerFiles } from '../helpers/program.js'

describe('a file that is there', () => {
  const cleanup = new Cleanup(afterEach)

  it('is not overwritten by export, whatever it exports; --force replaces it, and never a key', async () => {
    const net = await makeNetwork({ blockSize: 1 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const folder = await cleanup.folder()
    await writeSequencerFiles(folder, net)
    const connect = ['--connect', sequencer.address, '--network', 'network.json']
    const sent = await tool(folder, 'submit', 'a text', '--key', 'own.key', '--data', 'own', ...connect)
    assert.equal(sent.code, 0, sent.stderr)
    await sequencer.events.times('block', 1)
    for (const [name, what] of [
      ['log', []],
      ['proof', ['--proof', '0']]
    ] as const) {
      await writeFile(join(folder, name), 'mine')
      const refused = await tool(folder, 'export', name, ...what, ...connect)
      assert.equal(refused.code, 1)
      assert.match(
        refused.stderr,
        new RegExp(`error: ${name} exists already; it was left as it is; name another file, or .*--force`)
      )
      assert.equal(await readFile(join(folder, name), 'utf8'), 'mine')
      const forced = await tool(folder, 'export', name, '--force', ...what, ...connect)
      assert.equal(forced.code, 0, forced.stderr)
      assert.equal((await tool(folder, 'verify', name, '--network', 'network.json')).code, 0)
      const key = await readFile(join(folder, 'own.key'))
      const [asked, forcedKey] = [
        await tool(folder, 'export', 'own.key', ...what, ...connect),
        await tool(folder, 'export', 'own.key', '--force', ...what, ...connect)
      ]
      assert.deepEqual([asked.code, forcedKey.code], [1, 1])
      assert.match(forcedKey.stderr, /error: own\.key is a key, which nothing replaces, --force neither/)
      assert.deepEqual(await readFile(join(folder, 'own.key')), key)
    }
    // Nobody has lied there: what is in the way is told before anybody is asked.
    const evidence = await tool(folder, 'export', 'log', '--evidence', ...connect)
    assert.match(evidence.stderr, /error: log exists already/)
    const init = await tool(folder, 'init', '--network', 'log')
    assert.match(init.stderr, /error: log exists already; it was left as it is/)
    assert.deepEqual(
      (await readdir(folder)).filter(name => name.endsWith('.tmp')),
      []
    )
  })

  it('is never replaced where it is a key, of whatever kind and under whatever name, encrypted or not', async () => {
    const folder = await cleanup.folder()
    const kinds = ['Ed25519', 'secp256k1', 'RSA'] as const
    const identities = await Promise.all(
      kinds.map(async kind => privateKeyToProtobuf(await generateKeyPair(kind)))
    )
    const encryption = join(folder, 'x25519')
    await makeEncryptionKey(encryption)
    const { privateKey: pem } = generateKeyPairSync('ed25519', {
      privateKeyEncoding: { format: 'pem', type: 'pkcs8' },
      publicKeyEncoding: { format: 'pem', type: 'spki' }
    })
    const [first = new Uint8Array()] = identities
    const secrets = [
      ...identities,
      await readFile(encryption),
      newSwarmKey(),
      utf8(await encryptWithPassphrase(first, 'a passphrase')),
      utf8(pem),
      utf8(pem.replaceAll('PRIVATE KEY', 'OPENSSH PRIVATE KEY')),
      utf8('# created: today\nAGE-SECRET-KEY-1QQQ\n')
    ]
    const names = secrets.map((_, index) => join(folder, `secret-${index}`))
    for (const [index, secret] of secrets.entries()) await writeFile(`${names[index]}`, secret)
    // One that is damaged is still known by its name.
    secrets.push(utf8('half a k'))
    names.push(join(folder, 'damaged.key'))
    await writeFile(join(folder, 'damaged.key'), 'half a k')
    for (const [index, name] of names.entries()) {
      const link = join(folder, `link-${index}`)
      await symlink(name, link)
      for (const path of [name, link])
        await assert.rejects(writeContent(path, 'replace', 'a log'), /is a key, which nothing replaces/)
      await assert.rejects(createFile(name, 'a log'), /exists already/)
      assert.deepEqual(Buffer.from(await readFile(name)), Buffer.from(secrets[index] ?? []), name)
    }
    await writeFile(join(folder, 'text'), 'a text')
    await writeContent(join(folder, 'text'), 'replace', 'a log')
    assert.equal(await readFile(join(folder, 'text'), 'utf8'), 'a log')
    await assert.rejects(writeContent('/dev/null', 'replace', 'a log'), /\/dev\/null is no file/)
  })

  it('stays as it is, and nothing lies beside it, where the writing of another one is ended in the middle', async () => {
    const folder = await cleanup.folder()
    await writeFile(join(folder, 'log'), 'as it was')
    const module = new URL('../../../dist/cli/files/written-files.js', import.meta.url).href
    const script = `
      import { writeFile } from 'node:fs/promises'
      import { writeWhole } from ${JSON.stringify(module)}
      await writeWhole(process.argv[1], process.argv[2], async temporary => {
        await writeFile(temporary, 'half', { flag: 'wx' })
        console.error('half of it is written')
        await new Promise(resolve => setTimeout(resolve, 60_000))
      })`
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      for (const [name, ifThere] of [
        ['log', 'replace'],
        ['new', 'refuse']
      ] as const) {
        const child = Program.startScript(cleanup, folder, script, [join(folder, name), ifThere])
        await child.says(/half of it is written/)
        assert.equal((await readdir(folder)).length, 2)
        assert.deepEqual(await child.kill(signal), { code: null, signal })
        assert.deepEqual(await readdir(folder), ['log'])
      }
    assert.equal(await readFile(join(folder, 'log'), 'utf8'), 'as it was')
  })

  it('is not written where what goes into it cannot be read to its end, and the file is not blamed', async () => {
    const folder = await cleanup.folder()
    const reason = Object.assign(new Error('the peer has gone'), { code: 'ECONNRESET' })
    async function* frames(): AsyncIterable<Uint8Array> {
      yield new Uint8Array(100_000)
      throw reason
    }
    const path = join(folder, 'log')
    await assert.rejects(writeFrames({ path, ifThere: 'refuse' }, utf8('a log\n'), frames()), reason)
    assert.deepEqual(await readdir(folder), [])
  })

  it('is not removed by restore, which makes its folder under another name first', async () => {
    const net = await makeNetwork({ blockSize: 1 })
    const sequencer = await RunningSequencer.start(cleanup, net)
    const folder = await cleanup.folder()
    await writeSequencerFiles(folder, net)
    const connect = ['--connect', sequencer.address, '--network', 'network.json']
    const exported = await tool(folder, 'export', 'log', ...connect)
    assert.equal(exported.code, 0, exported.stderr)
    await mkdir(join(folder, 'made.restoring'))
    await writeFile(join(folder, 'made.restoring', 'notes.txt'), 'mine')
    const files = ['--network', 'network.json', '--key', 'sequencer.key', '--data', 'made']
    const refused = await tool(folder, 'restore', '--from', 'log', ...files)
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /made\.restoring .*holds what this program did not write \(notes\.txt\)/)
    assert.equal(await readFile(join(folder, 'made.restoring', 'notes.txt'), 'utf8'), 'mine')
  })
})
