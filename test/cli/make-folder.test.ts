import assert from 'node:assert/strict'
import { mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { makeFolder } from '#src/cli/files/make-folder.js'
import { listenProblem } from '#src/cli/peer/listening.js'
import { systemCode } from '#src/core/errors.js'
import { Host } from '#src/network/host.js'
import { CannotListen } from '#src/network/listening.js'
import { Cleanup } from '../helpers/cleanup.js'
import { tool } from '../helpers/program.js'

describe('a folder that is made', () => {
  const cleanup = new Cleanup(afterEach)

  it('is there with all that it lies in, each with the mode that was wished; one that is there stays as it is', async () => {
    const home = await cleanup.folder()
    const deep = join(home, 'a', 'b', 'c')
    await makeFolder(deep, 0o700)
    for (const folder of [deep, join(home, 'a')]) assert.equal((await stat(folder)).mode & 0o777, 0o700)
    await writeFile(join(deep, 'kept'), 'kept')
    await makeFolder(deep, 0o755)
    assert.equal((await stat(deep)).mode & 0o777, 0o700)
    assert.ok((await stat(join(deep, 'kept'))).isFile())
    await Promise.all(Array.from({ length: 8 }, () => makeFolder(join(home, 'at', 'once', 'by', 'many'))))
    await makeFolder('/')
  })

  it('is refused in one sentence where a file is in the way, or the folder that it is called from has gone', async () => {
    const home = await cleanup.folder()
    await writeFile(join(home, 'file'), '')
    await assert.rejects(
      makeFolder(join(home, 'file')),
      /file cannot be made as a folder \(EEXIST: a file is/
    )
    await assert.rejects(makeFolder(join(home, 'file', 'in', 'it')), /\(ENOTDIR: a file is in the way\)/)
  })

  it('is refused where the file system says without end that a folder is missing which is there', async function () {
    // /proc of Linux is that file system.
    if (process.platform !== 'linux') this.skip()
    const home = await cleanup.folder()
    for (const place of ['/proc/nowhere', '/proc/nowhere/in/it'])
      await assert.rejects(
        makeFolder(place),
        /cannot be made as a folder \(ENOENT: nothing can be made there\)/
      )
    const says = /error: \/proc\/nowhere cannot be made as a folder .*; name another place\n$/
    await mkdir(join(home, 'keys'))
    for (const args of [
      ['init', '--network', '/proc/nowhere/network.json'],
      ['keygen', '/proc/nowhere/a.key']
    ]) {
      const { code, stderr } = await tool(home, ...args)
      assert.equal(code, 1, `${args.join(' ')}: ${stderr}`)
      assert.match(stderr, says, args.join(' '))
      await rm(join(home, 'keys'), { recursive: true })
      await mkdir(join(home, 'keys'))
    }
  })
})

describe('an address at which a peer cannot listen', () => {
  const cleanup = new Cleanup(afterEach)

  const refused = (code: string): Error => Object.assign(new Error(`listen ${code}`), { code })
  for (const [cause, says] of [
    [refused('EACCES'), /this user may not listen at the port; give one from 1024 up/],
    [refused('EADDRINUSE'), /in use by another program; stop that one/],
    [refused('EADDRNOTAVAIL'), /this machine does not have the address/],
    [refused('ENOTFOUND'), /its name has no address; give an IP address/],
    [refused('EINVAL'), /the system refuses it \(EINVAL\)/],
    [new Error('No transport was configured'), /that is no TCP address/]
  ] as const)
    it(`is told in one sentence with the cause and what to do: ${cause.message}`, () => {
      const problem = listenProblem(new CannotListen('/ip4/127.0.0.1/tcp/80', { cause }))
      assert.equal(problem?.code, 'ERR_LISTEN')
      assert.match(
        problem.message,
        /^it cannot listen at \/ip4\/127\.0\.0\.1\/tcp\/80: .* with --listen ADDRESS$/
      )
      assert.match(problem.message, says)
    })

  for (const [address, code] of [
    ['/ip4/192.0.2.1/tcp/4100', 'EADDRNOTAVAIL'],
    ['/ip4/127.0.0.1/udp/4100', undefined]
  ] as const)
    it(`is known by the code of the system, with the address, when a peer starts: ${address}`, async () => {
      const host = await Host.create({ key: await generateKeyPair('Ed25519'), listen: [address], topics: [] })
      cleanup.add(() => host.stop())
      await assert.rejects(host.start(), error => {
        assert.ok(error instanceof CannotListen, String(error))
        assert.deepEqual([error.address, systemCode(error.cause)], [address, code])
        return true
      })
    })

  it('is not the reason of another error', () => {
    assert.equal(listenProblem(new Error('it rains')), undefined)
    assert.equal(listenProblem('EADDRINUSE'), undefined)
  })
})
