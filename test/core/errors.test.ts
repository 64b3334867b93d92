import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { causeOf, diskProblem, Failure, UsageError } from '#src/cli/failure.js'
import { DecodeError } from '#src/core/codec.js'
import { ERRORS, hasCode, systemCode, TallystickError } from '#src/core/errors.js'
import { JsonTooLarge } from '#src/core/json.js'
import {
  Contradiction,
  InvalidAnswer,
  isFalseAnswer,
  NotFound,
  QueryRefused
} from '#src/query/query-errors.js'
import { repositoryPath } from '../helpers/core.js'

const CODES = Object.keys(ERRORS)

/** Of the product and its tools, by path. */
function sources(): ReadonlyMap<string, string> {
  const files = ['src', 'tools'].flatMap(folder =>
    readdirSync(repositoryPath(folder), { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.ts') && !name.includes('wire'))
      .map(name => join(folder, name))
  )
  return new Map(files.map(file => [file, readFileSync(repositoryPath(file), 'utf8')]))
}

function systemError(code: string, cause?: unknown): Error {
  return Object.assign(new Error(`it failed: ${code}`, { cause }), { code })
}

describe('the table of errors', () => {
  const all = sources()

  it('has no code that nothing throws', () => {
    const used = [...all]
      .filter(([file]) => file !== join('src', 'core', 'errors.ts'))
      .map(([, text]) => text)
    for (const code of CODES)
      assert.ok(
        used.some(text => text.includes(`'${code}'`)),
        code
      )
  })

  it('says of each code what it means and what to do, and with which code a command ends', () => {
    for (const [code, { means, remedy, exitCode = 1 }] of Object.entries(ERRORS)) {
      assert.match(code, /^ERR(_[A-Z]+)+$/)
      for (const text of [means, remedy]) assert.match(text, /^(JSON|[^A-Z])[^|]{10,}[^.|]$/, code)
      assert.ok([1, 2, 130].includes(exitCode), code)
    }
  })

  it('stands in docs/ERRORS.md as it is in the program', async () => {
    const cwd = repositoryPath('.')
    const { promise, resolve } = Promise.withResolvers<void>()
    execFile(process.execPath, ['scripts/generate-docs.js', '--check'], { cwd }, (error, _, stderr) => {
      assert.equal(error, null, stderr)
      resolve()
    })
    await promise
  })

  it('is what errors are told apart by: nothing in the program reads their sentences', () => {
    // What other programs put into words alone, and nowhere else.
    const allowed = new Map([
      [join('src', 'cli', 'failure.ts'), 'IO_ERROR.exec(deepestMessage(error))'],
      [join('src', 'network', 'connection-errors.ts'), 'OTHER_IDENTITY.exec(error.message)']
    ])
    const reading =
      /\bmessage\b\??\.(includes|startsWith|endsWith|match|search)\(|\.(test|exec)\([^()]*(error|problem|reason)\w*\.message\b[^()]*\)|\.(test|exec)\((message|describeError\(\w+\)|deepestMessage\(\w+\))\)/g
    const found = [...all].flatMap(([file, text]) =>
      Array.from(text.matchAll(reading), ([what]) => [file, what] as const)
    )
    const unknown = found.filter(([file, what]) => !allowed.get(file)?.endsWith(what))
    assert.deepEqual(unknown, [])
    assert.equal(found.length, allowed.size)
  })
})

describe('an error', () => {
  it('has its code, its sentence, or the one of the table, and what brought it about', () => {
    const cause = systemError('EACCES')
    const error = new Failure('ERR_CANNOT_READ', 'a.key cannot be read', { cause })
    assert.deepEqual(
      [error.code, error.message, error.cause],
      ['ERR_CANNOT_READ', 'a.key cannot be read', cause]
    )
    assert.equal(new TallystickError('ERR_INTERRUPTED').message, ERRORS.ERR_INTERRUPTED.means)
    assert.equal(new UsageError('no').code, 'ERR_USAGE')
    assert.equal(new NotFound('no').code, 'ERR_NOT_FOUND')
    assert.equal(new QueryRefused('busy', 'later').code, 'ERR_QUERY_REFUSED')
    assert.equal(new JsonTooLarge('no').code, 'ERR_JSON_TOO_LARGE')
  })

  it('is known by its own code, not by that of its cause or of another program', () => {
    const error = new Failure('ERR_NOT_SETTLED', 'not yet', { cause: new NotFound('none') })
    assert.ok(hasCode(error, 'ERR_NOT_FOUND', 'ERR_NOT_SETTLED'))
    for (const other of [error, systemError('ERR_NOT_FOUND'), 'ERR_NOT_FOUND', undefined])
      assert.ok(!hasCode(other, 'ERR_NOT_FOUND'))
  })

  it('of a peer that shows what does not hold is a false answer; a no, and silence, are none', () => {
    const lies = [
      new InvalidAnswer('no'),
      new Contradiction('no', undefined),
      new DecodeError('no'),
      new JsonTooLarge('no')
    ]
    for (const error of lies) assert.ok(isFalseAnswer(error), error.name)
    for (const error of [new NotFound('no'), new QueryRefused('busy', ''), new Error('no')])
      assert.ok(!isFalseAnswer(error), error.name)
  })
})

describe('what the system says', () => {
  it('is found however deep it is wrapped, and where several errors are one', () => {
    const deep = new Error('a', { cause: new Error('b', { cause: systemError('ENOENT') }) })
    assert.equal(systemCode(deep), 'ENOENT')
    assert.equal(
      systemCode(systemError('LEVEL_DATABASE_NOT_OPEN', systemError('LEVEL_LOCKED'))),
      'LEVEL_LOCKED'
    )
    assert.equal(systemCode(new AggregateError([new Error('a'), systemError('ECONNRESET')])), 'ECONNRESET')
    for (const none of [new NotFound('no'), 'ENOENT', undefined]) assert.equal(systemCode(none), undefined)
  })

  it('is not told once more where an error has put it into words', () => {
    const cause = systemError('ENOSPC')
    assert.equal(causeOf(cause), 'ENOSPC: no space is left on its disk')
    const said = new Failure('ERR_CANNOT_WRITE', 'it is full', { cause })
    for (const error of [said, new Error('wrapped', { cause: said })]) {
      assert.equal(causeOf(error), error.message)
      assert.deepEqual([systemCode(error), diskProblem(error)], [undefined, undefined])
    }
  })

  const level = (why: string): Error =>
    new Error('a write failed', {
      cause: Object.assign(new Error(`IO error: data/sequencer/000005.log: ${why}`), {
        code: 'LEVEL_IO_ERROR'
      })
    })
  for (const [error, code] of [
    [systemError('ENOSPC'), 'ERR_DISK_FULL'],
    [systemError('EFBIG'), 'ERR_DISK_FULL'],
    [systemError('EROFS'), 'ERR_NOT_WRITABLE'],
    [level('No space left on device'), 'ERR_DISK_FULL'],
    [level('Disk quota exceeded'), 'ERR_DISK_FULL'],
    [level('File too large'), 'ERR_DISK_FULL'],
    [level('Read-only file system'), 'ERR_NOT_WRITABLE'],
    [level('Permission denied'), 'ERR_NOT_WRITABLE'],
    [level('Input/output error'), undefined],
    [new Error('No space left on device'), undefined]
  ] as const)
    it(`of a disk has the code ${code} where it is: ${systemCode(error)} ${causeOf(error)}`, () => {
      assert.equal(diskProblem(error), code)
    })
})
