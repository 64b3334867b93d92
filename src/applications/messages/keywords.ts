import type { Json, JsonObject } from '../../core/json.js'
import { type Check, type Misfit, misfit, type Run, same, within } from './check.js'
import { factorsOf, isMultipleOf } from './decimal.js'

/** What a keyword sees of the schema that it stands in. */
export interface Beside {
  /** The value of a keyword, where it is there. */
  readonly keyword: (name: string) => Json | undefined
  /** The schema that is the keyword's value. */
  readonly schema: (name: string) => Check | undefined
  /** The schemas in the keyword's value, in order, by their names or indexes. */
  readonly schemas: (name: string) => readonly (readonly [string, Check])[]
}

export interface Keyword {
  /** What its value must be, in words, where it is something else. */
  readonly problem: (value: Json) => string | undefined
  /** Where schemas stand in its value. */
  readonly holds?: 'one' | 'list' | 'named'
  /** Left out: it says something to people, and has no part in whether a value fits. */
  readonly check?: (value: Json, beside: Beside) => Check | undefined
}

const DRAFT = 'https://json-schema.org/draft/2020-12/schema'

const isObject = (value: Json | undefined): value is JsonObject => value instanceof Map
const isArray = (value: Json | undefined): value is readonly Json[] => Array.isArray(value)
const isText = (value: Json | undefined): value is string => typeof value === 'string'
const isNumber = (value: Json | undefined): value is number => typeof value === 'number'
const isCount = (value: Json | undefined): value is number => Number.isInteger(value) && Number(value) >= 0
const isNames = (value: Json | undefined): value is readonly string[] =>
  isArray(value) && value.every(isText) && new Set(value).size === value.length

const TYPES: ReadonlyMap<string, (value: Json) => boolean> = new Map<string, (value: Json) => boolean>([
  ['null', value => value === null],
  ['boolean', value => typeof value === 'boolean'],
  ['number', isNumber],
  ['integer', value => Number.isInteger(value)],
  ['string', isText],
  ['array', isArray],
  ['object', isObject]
])

function must(isRight: (value: Json) => boolean, words: string): Keyword['problem'] {
  return value => (isRight(value) ? undefined : `must be ${words}`)
}

const text: Keyword = { problem: must(isText, 'a string') }
const flag: Keyword = { problem: must(value => typeof value === 'boolean', 'true or false') }
const anything: Keyword = { problem: () => undefined }
const list: Keyword = { problem: must(isArray, 'an array') }

/** A keyword that counts something, and says nothing of values that it cannot count. */
function count(
  size: (value: Json, most: number, run: Run) => number | undefined,
  most: boolean,
  unit: string
): Keyword {
  return {
    problem: must(isCount, 'an integer that is not negative'),
    check: limit => {
      if (!isCount(limit)) return undefined
      const found = misfit(`must NOT have ${most ? 'more' : 'fewer'} than ${limit} ${unit}`)
      return (value, run) => {
        const counted = size(value, limit, run)
        if (counted === undefined) return undefined
        return (most ? counted > limit : counted < limit) ? found : undefined
      }
    }
  }
}

/** In Unicode characters, of one or two units each: a length that is far from the limit need not be counted. */
function textSize(value: Json, limit: number, run: Run): number | undefined {
  if (!isText(value)) return undefined
  if (value.length < limit) return value.length
  return value.length > 2 * limit ? limit + 1 : run.lengthOf(value)
}

const itemsIn = (value: Json): number | undefined => (isArray(value) ? value.length : undefined)
const membersIn = (value: Json): number | undefined => (isObject(value) ? value.size : undefined)

function bound(sign: string, fits: (value: number, limit: number) => boolean): Keyword {
  return {
    problem: must(isNumber, 'a number'),
    check: limit => {
      if (!isNumber(limit)) return undefined
      const found = misfit(`must be ${sign} ${limit}`)
      return value => (isNumber(value) && !fits(value, limit) ? found : undefined)
    }
  }
}

const one: Pick<Keyword, 'problem' | 'holds'> = { problem: () => undefined, holds: 'one' }
const several: Pick<Keyword, 'problem' | 'holds'> = {
  problem: must(value => isArray(value) && value.length > 0, 'an array with a schema at least'),
  holds: 'list'
}
const named: Pick<Keyword, 'problem' | 'holds'> = { problem: must(isObject, 'an object'), holds: 'named' }

/** Every keyword that a network document may use. What each means is JSON Schema 2020-12; PROTOCOL lists them too. */
export const KEYWORDS: ReadonlyMap<string, Keyword> = new Map<string, Keyword>([
  ['$schema', { problem: must(value => value === DRAFT || value === `${DRAFT}#`, DRAFT) }],
  ['$id', text],
  ['$comment', text],
  ['title', text],
  ['description', text],
  ['default', anything],
  ['examples', list],
  ['deprecated', flag],
  ['readOnly', flag],
  ['writeOnly', flag],
  ['format', text],
  ['contentEncoding', text],
  ['contentMediaType', text],
  ['$defs', named],
  ['definitions', named],
  ['$ref', text],
  ['type', { problem: typeProblem, check: typeCheck }],
  ['enum', { problem: list.problem, check: enumCheck }],
  ['const', { problem: () => undefined, check: constant => oneOfValues([constant], 'must be the constant') }],
  [
    'multipleOf',
    { problem: must(value => isNumber(value) && value > 0, 'a number above 0'), check: multiple }
  ],
  ['maximum', bound('<=', (value, limit) => value <= limit)],
  ['exclusiveMaximum', bound('<', (value, limit) => value < limit)],
  ['minimum', bound('>=', (value, limit) => value >= limit)],
  ['exclusiveMinimum', bound('>', (value, limit) => value > limit)],
  ['maxLength', count(textSize, true, 'characters')],
  ['minLength', count(textSize, false, 'characters')],
  ['prefixItems', { ...several, check: prefixCheck }],
  ['items', { ...one, check: itemsCheck }],
  ['contains', { ...one, check: containsCheck }],
  ['maxContains', { problem: must(isCount, 'an integer that is not negative') }],
  ['minContains', { problem: must(isCount, 'an integer that is not negative') }],
  ['maxItems', count(itemsIn, true, 'items')],
  ['minItems', count(itemsIn, false, 'items')],
  ['uniqueItems', { problem: flag.problem, check: uniqueCheck }],
  ['properties', { ...named, check: propertiesCheck }],
  ['additionalProperties', { ...one, check: additionalCheck }],
  ['propertyNames', { ...one, check: namesCheck }],
  ['required', { problem: must(isNames, 'an array of strings, none twice'), check: requiredCheck }],
  ['dependentRequired', { problem: dependentProblem, check: dependentCheck }],
  ['dependentSchemas', { ...named, check: dependentSchemas }],
  ['maxProperties', count(membersIn, true, 'properties')],
  ['minProperties', count(membersIn, false, 'properties')],
  ['allOf', { ...several, check: (_, beside) => allOf(beside.schemas('allOf')) }],
  ['anyOf', { ...several, check: (_, beside) => anyOf(beside.schemas('anyOf')) }],
  ['oneOf', { ...several, check: (_, beside) => oneOf(beside.schemas('oneOf')) }],
  ['not', { ...one, check: notCheck }],
  ['if', { ...one, check: ifCheck }],
  ['then', one],
  ['else', one]
])

function typeProblem(value: Json): string | undefined {
  const names = isArray(value) ? value : [value]
  const isRight = names.length > 0 && new Set(names).size === names.length
  return isRight && names.every(name => isText(name) && TYPES.has(name))
    ? undefined
    : `must be one of ${[...TYPES.keys()].join(', ')}, or an array of some of them`
}

function typeCheck(value: Json): Check {
  const names = isArray(value) ? value : [value]
  const kinds = names.flatMap(name => (isText(name) ? (TYPES.get(name) ?? []) : []))
  const found = misfit(`must be ${names.join(' or ')}`)
  return tested => (kinds.some(isKind => isKind(tested)) ? undefined : found)
}

function enumCheck(values: Json): Check | undefined {
  return isArray(values) ? oneOfValues(values, 'must be one of the allowed values') : undefined
}

function oneOfValues(values: readonly Json[], words: string): Check {
  const scalars = new Set<Json>(values.filter(value => typeof value !== 'object' || value === null))
  const others = values.filter(value => !scalars.has(value))
  const found = misfit(words)
  return value => (scalars.has(value) || others.some(other => same(other, value)) ? undefined : found)
}

function multiple(factor: Json): Check | undefined {
  if (!isNumber(factor)) return undefined
  const factors = factorsOf(factor)
  const found = misfit(`must be a multiple of ${factor}`)
  return (value, run) => (isNumber(value) && !isMultipleOf(run.factorsOf(value), factors) ? found : undefined)
}

function prefixCheck(_: Json, beside: Beside): Check {
  const checks = beside.schemas('prefixItems')
  return (value, run) => {
    if (!isArray(value)) return undefined
    for (const [index, [, check]] of checks.entries()) {
      const item = value[index]
      if (item === undefined) return undefined
      const found = check(item, run)
      if (found !== undefined) return within(index, found)
    }
    return undefined
  }
}

function itemsCheck(_: Json, beside: Beside): Check | undefined {
  const check = beside.schema('items')
  const start = beside.schemas('prefixItems').length
  return (
    check &&
    ((value, run) => {
      if (!isArray(value)) return undefined
      for (let index = start; index < value.length; index += 1) {
        const item = value[index]
        const found = item === undefined ? undefined : check(item, run)
        if (found !== undefined) return within(index, found)
      }
      return undefined
    })
  )
}

function containsCheck(_: Json, beside: Beside): Check | undefined {
  const check = beside.schema('contains')
  const [least, most] = [beside.keyword('minContains'), beside.keyword('maxContains')]
  const [from, to] = [isCount(least) ? least : 1, isCount(most) ? most : Number.POSITIVE_INFINITY]
  return (
    check &&
    ((value, run) => {
      if (!isArray(value)) return undefined
      const fitting = value.filter(item => check(item, run) === undefined).length
      if (fitting < from) return misfit(`must contain ${from} items at least that fit "contains"`)
      return fitting > to ? misfit(`must contain ${to} items at most that fit "contains"`) : undefined
    })
  )
}

function uniqueCheck(wanted: Json): Check | undefined {
  const found = misfit('must NOT have items that are the same')
  return wanted === true
    ? (value, run) => (isArray(value) && !run.isUnique(value) ? found : undefined)
    : undefined
}

function propertiesCheck(_: Json, beside: Beside): Check {
  const checks = beside.schemas('properties')
  return (value, run) => {
    if (!isObject(value)) return undefined
    for (const [name, check] of checks) {
      const member = value.get(name)
      const found = member === undefined ? undefined : check(member, run)
      if (found !== undefined) return within(name, found)
    }
    return undefined
  }
}

/** Characters of a name that are shown. */
const SHOWN_NAME = 64

function shown(name: string): string {
  return JSON.stringify(name.slice(0, SHOWN_NAME))
}

function additionalCheck(wanted: Json, beside: Beside): Check | undefined {
  const check = beside.schema('additionalProperties')
  const known = new Set(beside.schemas('properties').map(([name]) => name))
  return (
    check &&
    ((value, run) => {
      if (!isObject(value)) return undefined
      for (const [name, member] of value) {
        if (known.has(name)) continue
        if (wanted === false) return misfit(`must NOT have additional properties, such as ${shown(name)}`)
        const found = check(member, run)
        if (found !== undefined) return within(name, found)
      }
      return undefined
    })
  )
}

function namesCheck(_: Json, beside: Beside): Check | undefined {
  const check = beside.schema('propertyNames')
  return (
    check &&
    ((value, run) => {
      if (!isObject(value)) return undefined
      for (const name of value.keys()) {
        const found = check(name, run)
        if (found !== undefined) return misfit(`has a property whose name ${found.what}`)
      }
      return undefined
    })
  )
}

function missing(value: JsonObject, names: readonly string[]): Misfit | undefined {
  const lacking = names.find(name => !value.has(name))
  return lacking === undefined ? undefined : misfit(`must have required property '${lacking}'`)
}

function requiredCheck(names: Json): Check | undefined {
  return isNames(names) ? value => (isObject(value) ? missing(value, names) : undefined) : undefined
}

function dependentProblem(value: Json): string | undefined {
  return isObject(value) && [...value.values()].every(isNames)
    ? undefined
    : 'must be an object whose values are arrays of strings, none twice'
}

function dependentCheck(wanted: Json): Check | undefined {
  if (!isObject(wanted)) return undefined
  const rules = [...wanted].flatMap(([name, names]) => (isNames(names) ? [{ name, names }] : []))
  return value =>
    isObject(value)
      ? firstOf(rules, ({ name, names }) => (value.has(name) ? missing(value, names) : undefined))
      : undefined
}

function dependentSchemas(_: Json, beside: Beside): Check {
  const checks = beside.schemas('dependentSchemas')
  return (value, run) =>
    isObject(value)
      ? firstOf(checks, ([name, check]) => (value.has(name) ? check(value, run) : undefined))
      : undefined
}

type Named = readonly (readonly [string, Check])[]

function allOf(checks: Named): Check {
  return (value, run) => firstOf(checks, ([, check]) => check(value, run))
}

function anyOf(checks: Named): Check {
  const found = misfit('must fit a schema of "anyOf"')
  return (value, run) => (checks.some(([, check]) => check(value, run) === undefined) ? undefined : found)
}

function oneOf(checks: Named): Check {
  const found = misfit('must fit exactly one schema of "oneOf"')
  return (value, run) => {
    let fitting = 0
    for (const [, check] of checks) {
      if (check(value, run) === undefined) fitting += 1
      if (fitting > 1) break
    }
    return fitting === 1 ? undefined : found
  }
}

function notCheck(_: Json, beside: Beside): Check | undefined {
  const check = beside.schema('not')
  const found = misfit('must NOT fit the schema of "not"')
  return check && ((value, run) => (check(value, run) === undefined ? found : undefined))
}

function ifCheck(_: Json, beside: Beside): Check | undefined {
  const condition = beside.schema('if')
  const [then, otherwise] = [beside.schema('then'), beside.schema('else')]
  return condition && ((value, run) => (condition(value, run) === undefined ? then : otherwise)?.(value, run))
}

function firstOf<T>(all: readonly T[], look: (one: T) => Misfit | undefined): Misfit | undefined {
  for (const each of all) {
    const found = look(each)
    if (found !== undefined) return found
  }
  return undefined
}
