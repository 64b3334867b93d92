import assert from 'node:assert/strict'
import { LIMITS } from '#src/core/limits.js'
import { repositoryFile } from '../helpers/core.js'

type Limit = number | readonly number[] | Readonly<Record<string, number>>

/** As the table shows it: `1,024`, `250, 500` or `burst 10, perSecond 5`. */
function shown(limit: Limit): string {
  if (typeof limit === 'number') return limit.toLocaleString('en-US')
  const isList = Array.isArray(limit)
  return Object.entries(limit)
    .map(([name, value]) => `${isList ? '' : `${name} `}${shown(value)}`)
    .join(', ')
}

/** Rows whose first cell is a name in code, by that name. */
function rowsOf(markdown: string): Map<string, string> {
  const rows = markdown.matchAll(/^\| `(\w+)` \| ([^|]+) \| [^|]+ \|$/gm)
  return new Map([...rows].map(([, name = '', value = '']) => [name, value.trim()]))
}

describe('the table of limits in the docs', () => {
  it('names every limit with its value, and nothing else', () => {
    const limits = Object.entries<Limit>(LIMITS).map(([name, limit]) => [name, shown(limit)])
    assert.deepEqual(Object.fromEntries(rowsOf(repositoryFile('docs/LIMITS.md'))), Object.fromEntries(limits))
  })
})
