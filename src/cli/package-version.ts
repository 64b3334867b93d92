import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { isText, objectOf, parseJson } from './terminal/shapes.js'

const isPackage = objectOf({ version: isText })

/** Has a program tell the version that stands in package.json. */
export function withVersion(program: Command): Command {
  const path = fileURLToPath(import.meta.resolve('#package.json'))
  const read = parseJson(readFileSync(path, 'utf8'))
  if (!isPackage(read)) throw new TypeError(`${path} names no version`)
  return program.version(read.version, '-V, --version', 'print the version, and nothing else')
}
