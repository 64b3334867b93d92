import assert from 'node:assert/strict'
import { mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder } from '#src/cli/files/make-folder.js'
import { listenProblem } from '#src/cli/peer/listening.js'
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
  /** As libp2p puts together what the system has said. */
  function unsupported(address: string, why: string): Error {
    const error = new Error(
      `Some configured addresses failed to be listened on:\n\n  ${address}: ${why}\n      at x\n`
    )
    error.name = 'UnsupportedListenAddressesError'
    return error
  }

  for (const [why, says] of [
    [
      'Error: listen EACCES: permission denied 127.0.0.1:80',
      /this user may not listen at the port; give one from 1024 up/
    ],
    ['Error: listen EADDRINUSE: address already in use', /in use by another program; stop that one/],
    ['Error: listen EADDRNOTAVAIL: address not available', /this machine does not have the address/],
    ['Error: getaddrinfo ENOTFOUND nosuch.invalid', /its name has no address; give an IP address/],
    ['Error: listen EINVAL: invalid argument fe80::1:4109', /the system refuses it \(EINVAL\)/],
    ['UnsupportedListenAddressError: No transport was configured', /that is no TCP address/]
  ] as const)
    it(`is told in one sentence with the cause and what to do: ${why}`, () => {
      const problem = listenProblem(unsupported('/ip4/127.0.0.1/tcp/80', why))
      assert.ok(problem)
      assert.match(
        problem.message,
        /^it cannot listen at \/ip4\/127\.0\.0\.1\/tcp\/80: .* with --listen ADDRESS$/
      )
      assert.match(problem.message, says)
    })

  it('is not the reason of another error', () => {
    assert.equal(listenProblem(new Error('it rains')), undefined)
    assert.equal(listenProblem('EADDRINUSE'), undefined)
  })
})
