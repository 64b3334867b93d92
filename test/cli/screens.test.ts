import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hasColours, rendered } from '#src/cli/terminal/styled.js'
import { present } from '../helpers/changes.js'
import { Cleanup } from '../helpers/cleanup.js'
import { makeNetwork } from '../helpers/networks.js'
import { Program, SEQUENCER_OPTIONS, tool, writeSequencerFiles } from '../helpers/program.js'
import { hasTerminals } from '../helpers/screen.js'
import { TerminalProcess } from '../helpers/terminal-process.js'

const ESCAPE = '\x1b'

describe('Colours', () => {
  for (const [what, isTerminal, env, expected] of [
    ['are there at a terminal', true, { TERM: 'xterm' }, true],
    ['are not there elsewhere', false, { TERM: 'xterm' }, false],
    ['are not there at a dumb terminal', true, { TERM: 'dumb' }, false],
    ['are forbidden by NO_COLOR', true, { TERM: 'xterm', NO_COLOR: '1' }, false],
    ['are not forbidden by an empty NO_COLOR', true, { NO_COLOR: '' }, true],
    ['are demanded by FORCE_COLOR', false, { FORCE_COLOR: '1' }, true],
    ['are demanded by FORCE_COLOR at a dumb terminal', true, { FORCE_COLOR: '', TERM: 'dumb' }, true],
    ['are forbidden by FORCE_COLOR=0', true, { FORCE_COLOR: '0' }, false],
    ['are forbidden by NO_COLOR whatever FORCE_COLOR says', true, { NO_COLOR: '1', FORCE_COLOR: '1' }, false]
  ] as const)
    it(what, () => assert.equal(hasColours(isTerminal, env), expected))

  it('come from us alone: a text of a stranger brings none, and ends none', () => {
    const line = [
      `${ESCAPE}[32mforged`,
      { text: `${ESCAPE}[0mrefused`, look: 'bad' },
      `${ESCAPE}[31m`
    ] as const
    assert.equal(rendered(line, false).includes(ESCAPE), false)
    const shown = rendered(line, true)
    assert.deepEqual(shown.match(/\W\[\d+m/gu)?.length, 5, shown)
    assert.equal(shown.split(ESCAPE).length, 3, 'one begins, and one ends')
  })
})

describe('At a terminal', function () {
  this.timeout(120_000)
  const cleanup = new Cleanup(afterEach)

  before(function () {
    if (!hasTerminals()) this.skip()
  })

  it('a sequencer shows how many messages wait for which block, below what has happened', async () => {
    const net = await makeNetwork({ blockSize: 3 })
    const folder = await cleanup.folder()
    await writeSequencerFiles(folder, net)
    const args = SEQUENCER_OPTIONS.filter(option => option !== '--json')
    const sequencer = TerminalProcess.start(cleanup, folder, 80, 'peer', [...args, '--listen', '127.0.0.1:0'])
    await sequencer.shows(/^0 of 3 for block 1$/)
    const [address = ''] = /\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/\w+/.exec(sequencer.bytes) ?? []
    const clientFolder = await cleanup.folder()
    await writeFile(join(clientFolder, 'network.json'), JSON.stringify(net.network.document))
    const say = (text: string) =>
      tool(clientFolder, 'submit', text, '--connect', address, '--network', 'network.json')
    const { code, stdout, stderr } = await say('one')
    assert.equal(code, 0, stderr)
    assert.match(stdout + stderr, /^position 0: accepted after \d+\.\d ms, as message 1 of its author$/m)
    await sequencer.shows(/^1 of 3 for block 1$/)
    await say('two')
    await sequencer.shows(/^2 of 3 for block 1$/)
    await say('three')
    await sequencer.shows(/^0 of 3 for block 2$/)
    const { screen } = sequencer
    assert.ok(screen.some(line => /^block 1: 3 messages/.test(line)))
    assert.equal(screen.filter(line => / for block \d+$/.test(line)).length, 1, 'one such line')
    sequencer.press('\x03')
    assert.equal(await sequencer.exit(), 0)
    assert.ok(!sequencer.screen.some(line => / for block \d+$/.test(line)), 'and none at the end')
  })

  it('and nowhere else: through pipes a sequencer says nothing of what waits', async () => {
    const net = await makeNetwork({ blockSize: 3 })
    const folder = await cleanup.folder()
    await writeSequencerFiles(folder, net)
    const args = [...SEQUENCER_OPTIONS, '--listen', '127.0.0.1:0']
    const sequencer = Program.start(cleanup, folder, args)
    await sequencer.times('started', 1)
    await sequencer.kill('SIGTERM')
    assert.doesNotMatch(sequencer.stderr.join('\n'), /for block/)
  })

  it('of 80 columns the demo leaves no bar stale, and its table fits', async () => {
    const folder = await cleanup.folder()
    const args = ['demo', '--clients', '2', '--rate', '10', '--duration', '2', '--block-size', '10']
    const demo = TerminalProcess.start(cleanup, folder, 80, 'tallystick', args)
    assert.equal(await demo.exit(), 0, demo.screen.join('\n'))
    const { screen } = demo
    const bars = screen.filter(line => /^(starting|sending|blocks|checking) +\[/.test(line))
    assert.deepEqual(
      bars.map(line => line.replace(/^(\S+) +\[=+\] /, '$1 ')),
      [
        'starting 3/3 processes',
        'sending 40/40 messages accepted',
        'blocks 4/4 blocks of 10',
        present(bars[3]).replace(/^(\S+) +\[=+\] /, '$1 ')
      ]
    )
    assert.match(present(bars[3]), /^checking +\[=+\] (\d+)\/\1 test cases$/)
    const table = screen.slice(screen.findIndex(line => line.startsWith('test case')))
    assert.ok(table.length > 20)
    for (const line of table) assert.ok(line.length <= 80, line)
    assert.ok(demo.bytes.includes(`${ESCAPE}[32mok${ESCAPE}[39m`))
  })

  it('of 40 columns the view of a network fits, with the partition in a line of its own', async () => {
    const folder = await cleanup.folder()
    const at = ['--folder', 'net']
    const up = ['network', 'up', '--nodes', '3', '--ordering', 'work', '--mine', '0', ...at]
    const network = TerminalProcess.start(cleanup, folder, 40, 'tallystick', up)
    await network.shows(/^one head, at height 0$/)
    const { code, stdout } = await tool(folder, 'network', 'partition', '1/2,3', ...at)
    assert.deepEqual([code, stdout], [0, 'SUCCESS: the network is divided into 1/2,3\n'])
    await network.shows(/^divided into 1\/2,3$/)
    const { screen } = network
    const table = screen.slice(screen.findLastIndex(line => line.startsWith('network ')))
    for (const line of table) assert.ok(line.length < 40, line)
    assert.ok(table.includes('node  state    height  head      peers'), table.join('\n'))
    network.press('\x03')
    assert.equal(await network.exit(), 0)
  })
})
