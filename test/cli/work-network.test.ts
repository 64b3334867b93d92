import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeNetwork } from '#src/cli/make-network.js'
import { toHex } from '#src/core/bytes.js'
import { compactFromText, decodeCompact, workOf } from '#src/orderings/proof-of-work/compact-target.js'
import { workModule } from '#src/orderings/proof-of-work/module.js'
import type { WorkSection } from '#src/orderings/proof-of-work/section.js'
import { parseNetwork } from '#src/rules/network-document.js'
import { Cleanup } from '../helpers/cleanup.js'
import { repositoryFile } from '../helpers/core.js'
import { workSectionOf } from '../helpers/networks.js'
import { tool } from '../helpers/program.js'

const NOW = 1_800_000_000_123

describe('Making a network that is ordered by work', () => {
  const cleanup = new Cleanup(afterEach)

  async function made(section: Partial<WorkSection> = {}, template?: string): Promise<WorkSection> {
    const folder = await cleanup.folder()
    const files = { network: join(folder, 'n.json'), key: join(folder, 'n.key') }
    const wishes = { section, ...(template !== undefined && { template }) }
    return workSectionOf(await makeNetwork(files, 'work', wishes, NOW))
  }

  function hashes(target: string): number {
    return Number(workOf(decodeCompact(compactFromText(target)) ?? 0n))
  }

  it('takes the template that ships, and begins at the last whole second', async () => {
    const { template } = workModule.init
    assert.deepEqual(await made(), { type: 'work', ...template, start: 1_800_000_000_000 })
  })

  it('ships a first target of about eight million hashes, and never goes below a quarter of that', async () => {
    const { target, easiest } = await made()
    assert.deepEqual(
      [target, easiest].map(text => Math.round(hashes(text) / 100_000) / 10),
      [8.4, 2.1]
    )
  })

  it('wants half-life and targets to go with another interval, unless they are given', async () => {
    const usual = await made()
    const faster = await made({ interval: 1_000 })
    assert.equal(faster.halfLife, usual.halfLife / 10)
    for (const field of ['target', 'easiest'] as const)
      assert.ok(Math.abs(hashes(usual[field]) / hashes(faster[field]) - 10) < 0.001, field)
    const { halfLife, target, easiest } = await made({ interval: 1_000, halfLife: 7_000, target: '1f00ffff' })
    assert.deepEqual([halfLife, target, easiest], [7_000, '1f00ffff', '1f03fffc'])
  })

  it('keeps the easiest target as far from the first one as it was, up to two hashes a block', async () => {
    assert.equal((await made({ target: '1f00ffff' })).easiest, '1f03fffc')
    for (const target of ['203fffff', '207fffff']) assert.equal((await made({ target })).easiest, '207fffff')
  })

  it('takes everything else that is wished for', async () => {
    const { blockSize, emptyBlocks, maxReorg } = await made({ blockSize: 7, emptyBlocks: false, maxReorg: 3 })
    assert.deepEqual([blockSize, emptyBlocks, maxReorg], [7, false, 3])
  })

  it('takes another template, and none of another ordering', async () => {
    const folder = await cleanup.folder()
    const template = join(folder, 'template.json')
    const shipped: object = JSON.parse(repositoryFile('config/sequencer.json'))
    const ordering = { type: 'work', ...workModule.init.template }
    const slow = { ...shipped, ordering: { ...ordering, interval: 600_000, halfLife: 86_400_000 } }
    await writeFile(template, JSON.stringify(slow))
    assert.equal((await made({}, template)).interval, 600_000)
    assert.equal((await made({ interval: 60_000 }, template)).halfLife, 8_640_000)
    await writeFile(template, repositoryFile('config/sequencer.json'))
    await assert.rejects(made({}, template), /is no template of a network with ordering work/)
  })

  it('writes no document that makes no sense', async () => {
    for (const [wishes, problem] of [
      [{ halfLife: 9_999 }, /ordering.halfLife is shorter than ordering.interval/],
      [{ target: '1dffff00' }, /ordering.target "1dffff00" is not the compact form/],
      [{ target: '2100ffff' }, /ordering.target 2100ffff is easier than ordering.easiest 207fffff/],
      [{ interval: 86_400_001 }, /\/ordering\/interval must be <= 86400000/]
    ] as const)
      await assert.rejects(made(wishes), problem)
  })

  it('tallystick init makes a document and no keys, and leaves one that is there as it is', async () => {
    const folder = await cleanup.folder()
    const init = ['init', '--ordering', 'work', '--network', 'n.json', '--name', 'equals', '--json']
    const { code, stdout, stderr } = await tool(folder, ...init, '--interval', '2000', '--no-empty-blocks')
    assert.equal(code, 0, stderr)
    const network = parseNetwork(await readFile(join(folder, 'n.json'), 'utf8'))
    const { id, document } = network
    assert.deepEqual(JSON.parse(stdout), { network: 'n.json', id: toHex(id) })
    const { interval, halfLife, emptyBlocks } = workSectionOf(network)
    assert.deepEqual([document.name, interval, halfLife, emptyBlocks], ['equals', 2_000, 60_000, false])
    assert.deepEqual(await readdir(folder), ['n.json'])
    const again = await tool(folder, ...init)
    assert.equal(again.code, 1)
    assert.match(again.stderr, /n\.json exists already; it was left as it is/)
  })

  it('tallystick init says which options do not go together', async () => {
    const folder = await cleanup.folder()
    const results = await Promise.all([
      tool(folder, 'init', '--ordering', 'work', '--block-timeout', '5'),
      tool(folder, 'init', '--max-reorg', '5')
    ])
    assert.deepEqual(
      results.map(({ code, stderr }) => [
        code,
        /(--[a-z-]+ goes with --ordering \w+ alone)/.exec(stderr)?.[1]
      ]),
      [
        [2, '--block-timeout goes with --ordering sequencer alone'],
        [2, '--max-reorg goes with --ordering work alone']
      ]
    )
    assert.deepEqual(await readdir(folder), [])
  })
})
