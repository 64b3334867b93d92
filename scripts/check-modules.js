// Part of `npm run lint`. What an ordering or an application is asked, its module answers: outside its folder and the
// registries nothing asks which one it is.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What may ask: the modules themselves, and what joins them to the rules of a network. */
const MAY_ASK = /^src\/(orderings|applications|rules)\//

const TYPE_TESTS = [
  [/\b(ordering|application)\.type (===|!==)/, 'asks for the type of a section'],
  [
    /(===|!==|case) '(work|stake|none|messages|ledger)'/,
    'compares with the name of an ordering or application'
  ],
  [/\b(ordering|type) (===|!==) 'sequencer'/, 'compares with the name of an ordering'],
  [/\binstanceof (LedgerState|\w+Ordering|\w+Application)\b/, 'asks for the class of a module'],
  [/\bmaxReorg (>|===|!==) 0\b/, 'takes a number for a type'],
  [/\bif \(!?\w*\.?(rules\.)?ordering\.hasCheckpoints\b/, 'takes a property of the format for a type']
]

const faults = readdirSync('src', { recursive: true })
  .map(file => join('src', file).replaceAll('\\', '/'))
  .filter(file => file.endsWith('.ts') && !MAY_ASK.test(file))
  .flatMap(file =>
    readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((line, index) =>
        TYPE_TESTS.filter(([pattern]) => pattern.test(line)).map(
          ([, why]) => `${file}:${index + 1} ${why}: ${line.trim()}`
        )
      )
  )
for (const fault of faults) console.error(fault)
process.exitCode = faults.length === 0 ? 0 : 1
