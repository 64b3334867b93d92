// Reads the fields of each message of a .proto file, as far as this project's own goes: one thing a line. What it does
// not know it refuses, so that no field is left without a bound.

const WIRE_TYPES = { uint64: 0, bool: 0, bytes: 2, string: 2, fixed32: 5 }

/** The TypeScript of src/core/wire/shapes.ts. */
export function shapesOf(proto) {
  const messages = readMessages(proto)
  for (const name of messages.keys()) expectFlat(name, messages, [])
  const repeated = [...messages].flatMap(([name, fields]) =>
    fields.filter(field => field.isRepeated).map(field => `${name}.${field.name}`)
  )
  const union = names => names.map(name => `\n  | '${name}'`).join('')
  const shapes = [...messages].map(([name, fields]) => `  ${name}: {${fields.map(lineOf).join(',')}\n  }`)
  return `// Made from tallystick.proto by scripts/generate.js.

export type MessageName =${union([...messages.keys()])}

export type RepeatedField =${union(repeated)}

export interface FieldShape {
  readonly name: string
  /** A varint, bytes behind their length, or four bytes. */
  readonly wire: 0 | 2 | 5
  /** Of the message that the bytes are. */
  readonly message?: MessageName
  /** Whether it stands in the message's oneof. */
  readonly isChoice?: true
  /** Whether the bytes are UTF-8. */
  readonly isText?: true
  readonly repeated?: RepeatedField
}

/** The fields of each message, by their numbers. */
export const SHAPES: Readonly<Record<MessageName, Readonly<Record<number, FieldShape>>>> = {
${shapes.join(',\n')}
}
`
}

function lineOf({ number, name, wire, message, isChoice, isText, isRepeated, owner }) {
  const parts = [`name: '${camelCase(name)}'`, `wire: ${wire}`]
  if (message !== undefined) parts.push(`message: '${message}'`)
  if (isChoice) parts.push('isChoice: true')
  if (isText) parts.push('isText: true')
  if (isRepeated) parts.push(`repeated: '${owner}.${name}'`)
  return `\n    ${number}: { ${parts.join(', ')} }`
}

function readMessages(proto) {
  const messages = new Map()
  let owner
  let isChoice = false
  for (const line of proto.split('\n').map(text => text.replace(/\/\/.*/, '').trimEnd())) {
    if (line === '' || line === 'syntax = "proto3";') continue
    const [, message, isEmpty] = /^message (\w+) \{(\})?$/.exec(line) ?? []
    const [, label, type, name, number] =
      /^ +(?:(repeated|optional) )?(\w+) (\w+) = (\d+)(?: \[.*\])?;$/.exec(line) ?? []
    if (message !== undefined) {
      messages.set(message, [])
      owner = isEmpty ? undefined : message
    } else if (/^ {2}oneof \w+ \{$/.test(line)) {
      if (messages.get(owner).some(field => field.isChoice)) throw new Error(`${owner} has a second oneof`)
      isChoice = true
    } else if (line === '  }' && isChoice) isChoice = false
    else if (line === '}' && owner !== undefined) owner = undefined
    else if (type !== undefined && owner !== undefined) {
      const isRepeated = label === 'repeated'
      const scalar = WIRE_TYPES[type]
      if (isRepeated && scalar !== undefined && scalar !== 2)
        throw new Error(`${owner}.${name} would be packed`)
      messages.get(owner).push({
        owner,
        name,
        number: Number(number),
        wire: scalar ?? 2,
        message: scalar === undefined ? type : undefined,
        isChoice,
        isText: type === 'string',
        isRepeated
      })
    } else throw new Error(`a line of the .proto file is not understood: ${line}`)
  }
  return messages
}

/** No message lies in itself, however deep: so the depth of a message is that of the .proto file. */
function expectFlat(name, messages, above) {
  if (above.includes(name)) throw new Error(`a ${name} may hold a ${name}, to any depth`)
  const fields = messages.get(name)
  if (fields === undefined) throw new Error(`no message is called ${name}`)
  for (const { message } of fields) if (message !== undefined) expectFlat(message, messages, [...above, name])
}

function camelCase(name) {
  return name.replaceAll(/_(\w)/g, (_, letter) => letter.toUpperCase())
}
