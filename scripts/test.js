// Runs all built tests, in two mochas side by side: those that start processes, and the others. Most tests wait
// for a peer most of the time, so this takes little more than half as long. Neither mocha is told to exit: a
// handle that a test leaves behind keeps it from ending, and shows. Ends with a line "N passed, N failed".
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const ROOT = 'build/test'
const WITH_PROCESSES = ['attacks', 'cli', 'faults', 'localnet', 'soak']

const mocha = join(dirname(createRequire(import.meta.url).resolve('mocha/package.json')), 'bin', 'mocha.js')
const files = readdirSync(ROOT, { recursive: true }).filter(file => file.endsWith('.test.js'))
const startsProcesses = file => WITH_PROCESSES.includes(file.split(/[/\\]/)[0])
const lanes = [files.filter(file => !startsProcesses(file)), files.filter(startsProcesses)]

const results = await Promise.all(lanes.map((lane, index) => run(lane, index === 0)))
for (const { held } of results) process.stdout.write(held)
const count = word => results.reduce((sum, { output }) => sum + counted(output, word), 0)
const failed = Math.max(count('failing'), results.some(({ code }) => code !== 0) ? 1 : 0)
process.stdout.write(`${count('passing')} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1

/** The first lane is shown as it runs, the other one after it. */
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

function counted(output, word) {
  return Number(new RegExp(`^ +(\\d+) ${word}`, 'm').exec(output)?.[1] ?? 0)
}
