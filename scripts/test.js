// Runs all built tests, in five mochas side by side: most tests wait for a peer most of the time, so this takes
// less than half as long. No mocha is told to exit: a handle that a test leaves behind keeps it from ending, and
// shows. Ends with what failed, all lanes together, and a line "N passed, N failed".
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const ROOT = 'build/test'
/** Folders whose tests wait for processes or for peers, in lanes that take about as long; all others make the first lane. */
const LANES = [['cli'], ['faults', 'soak'], ['network'], ['attacks', 'bench', 'docs', 'manager']]

const mocha = join(dirname(createRequire(import.meta.url).resolve('mocha/package.json')), 'bin', 'mocha.js')
const files = readdirSync(ROOT, { recursive: true }).filter(file => file.endsWith('.test.js'))
const laneOf = file => LANES.findIndex(folders => folders.includes(file.split(/[/\\]/)[0])) + 1
const lanes = [[], ...LANES].map((_, lane) => files.filter(file => laneOf(file) === lane))

const results = await Promise.all(lanes.map((lane, index) => run(lane, index === 0)))
for (const { held } of results) process.stdout.write(held)
for (const { output } of results) process.stdout.write(failures(output))
const count = word => results.reduce((sum, { output }) => sum + counted(output, word), 0)
const failed = Math.max(count('failing'), results.some(({ code }) => code !== 0) ? 1 : 0)
process.stdout.write(`${count('passing')} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1

/** The first lane is shown as it runs, the others after it. */
function run(lane, isShown) {
  return new Promise((resolve, reject) => {
    const specs = lane.sort().map(file => join(ROOT, file))
    const child = spawn(process.execPath, [mocha, ...specs], { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const take = chunk => {
      output += chunk
      if (isShown) process.stdout.write(chunk)
    }
    child.stdout.setEncoding('utf8').on('data', take)
    child.stderr.setEncoding('utf8').on('data', take)
    child.on('error', reject)
    child.on('close', code => resolve({ code, output, held: isShown ? '' : output }))
  })
}

/** What mocha says of the tests that failed: it stands at the end of a lane, which may be far above. */
function failures(output) {
  return /^ +\d+ failing$.*/ms.exec(output)?.[0] ?? ''
}

function counted(output, word) {
  return Number(new RegExp(`^ +(\\d+) ${word}`, 'm').exec(output)?.[1] ?? 0)
}
