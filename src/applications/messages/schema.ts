import {
  canonicalJson,
  isTooDeep,
  type Json,
  type JsonObject,
  JsonTooLarge,
  readCanonicalJson
} from '../../core/json.js'
import { LIMITS } from '../../core/limits.js'
import { InvalidNetworkDocument } from '../../core/network.js'
import { type Check, misfit, placeOf, pointerStep, Run } from './check.js'
import { type Beside, KEYWORDS, type Keyword } from './keywords.js'

/** Characters of a place in a value that are shown. */
const SHOWN_PLACE = 200

/** Where the schema stands in a network document. */
const ROOT = '/application/schema'

/**
 * A JSON Schema of the dialect that network documents may use (docs/PROTOCOL.md, section 3). Each part of it looks at each part
 * of a value at most once, so that a verdict takes a time that the limits of both bound.
 */
export class Schema {
  readonly #check: Check

  /** Throws InvalidNetworkDocument, with the keyword that the dialect does not have and its place. */
  constructor(schema: Readonly<Record<string, unknown>>) {
    this.#check = new Compiler().compile(read(schema))
  }

  /** What does not fit, and its place, or undefined. */
  misfit(value: Json): string | undefined {
    const found = this.#check(value, new Run())
    return found && `${placeOf(found, SHOWN_PLACE) || 'the message'} ${found.what}`
  }
}

function read(schema: Readonly<Record<string, unknown>>): Json {
  const { schemaBytes, schemaDepth, schemaValues } = LIMITS
  const text = canonicalJson(schema, schemaDepth)
  if (text === undefined)
    throw wrong(
      ROOT,
      isTooDeep(schema, schemaDepth)
        ? `it is nested more than ${schemaDepth} deep`
        : 'it has no canonical form (RFC 8785)'
    )
  const bytes = Buffer.byteLength(text)
  if (bytes > schemaBytes) throw wrong(ROOT, `${bytes} bytes; a schema has ${schemaBytes} at most`)
  try {
    return readCanonicalJson(text, { depth: schemaDepth, values: schemaValues })
  } catch (error) {
    if (error instanceof JsonTooLarge) throw wrong(ROOT, error.message)
    throw error
  }
}

/** A schema, or true or false, at its place. */
interface Node {
  readonly place: string
  readonly check: Check
  /** JSON values that are its own: those of the schemas in it and of the one that `$ref` names are theirs. */
  readonly values: number
  /** Arrays and objects inside one another, in what is its own. */
  readonly depth: number
  /** The schemas in it, and how many arrays and objects lie around each of them here. */
  readonly inner: readonly { readonly node: Node; readonly steps: number }[]
  /** The place of the schema that `$ref` names. */
  readonly target: string | undefined
}

class Compiler {
  /** Those that a `$ref` names, by their places. Not all: places are long where names are, and there are thousands. */
  readonly #nodes = new Map<string, Node>()
  #named: ReadonlySet<string> = new Set()

  compile(schema: Json): Check {
    this.#named = new Set(targetsIn(schema))
    const root = this.#node(schema, ROOT)
    const { values, depth } = new Expansion(place => this.#nodes.get(place)).measure(root)
    if (values > LIMITS.schemaValues)
      throw wrong(
        ROOT,
        `with each $ref replaced it has ${values} values, and may have ${LIMITS.schemaValues}`
      )
    if (depth > LIMITS.schemaDepth) throw tooDeep()
    return root.check
  }

  #node(schema: Json, place: string): Node {
    const node =
      schema instanceof Map
        ? this.#object(schema, place)
        : { place, check: always(schema, place), values: 1, depth: 0, inner: [], target: undefined }
    if (this.#named.has(place)) this.#nodes.set(place, node)
    return node
  }

  #object(schema: JsonObject, place: string): Node {
    const inner: { node: Node; steps: number }[] = []
    const held = new Map<string, readonly (readonly [string, Check])[]>()
    let [values, depth] = [1, 1]
    for (const [name, value] of schema) {
      const keyword = keywordAt(place, name, value)
      const below = schemasIn(keyword, value)
      const nodes = below.map(({ step, json }) => ({
        step,
        node: this.#node(json, placeIn(place, name, step))
      }))
      const steps = keyword.holds === 'one' ? 1 : 2
      for (const { node } of nodes) inner.push({ node, steps })
      held.set(
        name,
        nodes.map(({ step = '', node }) => [step, node.check] as const)
      )
      if (keyword.holds !== undefined) {
        // What holds schemas is a value itself, unless it is the schema.
        values += steps - 1
        depth = Math.max(depth, steps)
      } else if (name !== '$ref') {
        const own = sizeOf(value)
        values += own.values
        depth = Math.max(depth, 1 + own.depth)
      }
    }
    const target = targetOf(schema, place)
    const checks = this.#checks(schema, held)
    if (target !== undefined) checks.push((value, run) => this.#reach(target).check(value, run))
    return { place, check: all(checks), values, depth, inner, target }
  }

  #checks(schema: JsonObject, held: ReadonlyMap<string, readonly (readonly [string, Check])[]>): Check[] {
    const beside: Beside = {
      keyword: name => schema.get(name),
      schema: name => held.get(name)?.[0]?.[1],
      schemas: name => held.get(name) ?? []
    }
    return [...schema].flatMap(([name, value]) => KEYWORDS.get(name)?.check?.(value, beside) ?? [])
  }

  /** A schema that `$ref` names: that it is there was seen when the whole was measured. */
  #reach(place: string): Node {
    const node = this.#nodes.get(place)
    if (node === undefined) throw new Error(`no schema at ${place}`)
    return node
  }
}

function all(checks: readonly Check[]): Check {
  const [first] = checks
  if (checks.length === 1 && first !== undefined) return first
  return (value, run) => {
    for (const check of checks) {
      const found = check(value, run)
      if (found !== undefined) return found
    }
    return undefined
  }
}

function always(schema: Json, place: string): Check {
  const found = misfit('is not allowed')
  if (schema === true) return () => undefined
  if (schema === false) return () => found
  throw wrong(place, 'a schema must be an object, true or false')
}

function keywordAt(place: string, name: string, value: Json): Keyword {
  const keyword = KEYWORDS.get(name)
  const where = `${place}/${pointerStep(name)}`
  if (keyword === undefined || (name === '$id' && place !== ROOT))
    throw wrong(
      where,
      `a schema of a network document may not use the keyword "${name}" here; docs/PROTOCOL.md, section 3, lists the keywords that it may use`
    )
  const problem = keyword.problem(value)
  if (problem !== undefined) throw wrong(where, `the value of "${name}" ${problem}`)
  return keyword
}

/** `step`: the name or index of the schema in the value of its keyword; undefined where the schema is the value. A name may be empty. */
interface Held {
  readonly step: string | undefined
  readonly json: Json
}

function schemasIn({ holds }: Keyword, value: Json): readonly Held[] {
  if (holds === 'one') return [{ step: undefined, json: value }]
  if (holds === 'named' && value instanceof Map) return [...value].map(([step, json]) => ({ step, json }))
  if (holds === 'list' && Array.isArray(value))
    return value.map((json: Json, index) => ({ step: String(index), json }))
  return []
}

function placeIn(place: string, keyword: string, step: string | undefined): string {
  const outer = `${place}/${pointerStep(keyword)}`
  return step === undefined ? outer : `${outer}/${pointerStep(step)}`
}

/** The place that `$ref` names, where it names one. */
function targetIn(schema: JsonObject): string | undefined {
  const reference = schema.get('$ref')
  if (typeof reference !== 'string' || !reference.startsWith('#')) return undefined
  const path = decoded(reference.slice(1))
  return path === '' || path?.startsWith('/') ? ROOT + path : undefined
}

function targetOf(schema: JsonObject, place: string): string | undefined {
  const target = targetIn(schema)
  if (schema.has('$ref') && target === undefined)
    throw wrong(`${place}/$ref`, `"$ref" must be # and a JSON Pointer to a schema in this one`)
  return target
}

/** Of all schemas in it, and of what only looks like one, which does no harm. */
function targetsIn(value: Json): readonly string[] {
  if (!(value instanceof Map) && !Array.isArray(value)) return []
  const own = value instanceof Map ? targetIn(value) : undefined
  const inner = [...value.values()].flatMap((part: Json) => targetsIn(part))
  return own === undefined ? inner : [own, ...inner]
}

/** Undefined where the percent-encoding of a fragment is wrong. */
function decoded(fragment: string): string | undefined {
  try {
    return decodeURIComponent(fragment)
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}

interface Size {
  readonly values: number
  readonly depth: number
}

/** Sizes of schemas with each `$ref` replaced by what it names, again and again. */
class Expansion {
  readonly #measured = new Map<Node, Size>()
  readonly #open = new Set<Node>()

  constructor(private readonly find: (place: string) => Node | undefined) {}

  measure(node: Node): Size {
    const known = this.#measured.get(node)
    if (known !== undefined) return known
    // What is deeper than this is too deep in any case, and is not gone into.
    if (this.#open.size > LIMITS.schemaDepth) throw tooDeep()
    this.#open.add(node)
    let { values, depth } = node
    for (const { node: inner, steps } of [...node.inner, ...this.#target(node)]) {
      const size = this.measure(inner)
      values += size.values
      depth = Math.max(depth, steps + size.depth)
    }
    this.#open.delete(node)
    const size = { values, depth }
    this.#measured.set(node, size)
    return size
  }

  #target({ place, target }: Node): readonly { readonly node: Node; readonly steps: number }[] {
    if (target === undefined) return []
    const node = this.find(target)
    if (node === undefined) throw wrong(`${place}/$ref`, '"$ref" names a place where no schema stands')
    if (this.#open.has(node))
      throw wrong(`${place}/$ref`, '"$ref" makes a schema contain itself, which network documents may not do')
    return [{ node, steps: 1 }]
  }
}

function sizeOf(value: Json): Size {
  if (!(value instanceof Map) && !Array.isArray(value)) return { values: 1, depth: 0 }
  const sizes = [...value.values()].map((inner: Json) => sizeOf(inner))
  return {
    values: sizes.reduce((sum, size) => sum + size.values, 1),
    depth: 1 + Math.max(0, ...sizes.map(({ depth }) => depth))
  }
}

function tooDeep(): InvalidNetworkDocument {
  return wrong(ROOT, `with each $ref replaced it is nested more than ${LIMITS.schemaDepth} deep`)
}

function wrong(place: string, what: string): InvalidNetworkDocument {
  return new InvalidNetworkDocument(`${place}: ${what}`, { code: 'ERR_SCHEMA' })
}
