// Makes src/core/wire/tallystick.ts from tallystick.proto. Run by npm, which puts `protons` on the path.
// The generator does not write for exactOptionalPropertyTypes, hence @ts-nocheck; its types still hold outside.
// Bytes may lie in any buffer (Node's own, a worker's), so the narrower type it writes is widened. It makes new empty
// bytes for each field that may stay empty, which takes a third of the time of decoding; one for all will do.
// A u64 is written by a function of ours, which says why. Each codec says which message it is of, so that the bytes can
// be held against the fields of shapes.ts before any object is made.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { shapesOf } from './proto-shapes.js'

const proto = 'src/core/wire/tallystick.proto'
const output = proto.replace(/\.proto$/, '.ts')

// The package is for other languages, which keep one name space for all: the generator would make a type around all of
// ours of it. It stands in no byte of the wire.
const spec = readFileSync(proto, 'utf8').replace(/^package tallystick;\n/m, '')
const folder = mkdtempSync(join(tmpdir(), 'tallystick-proto-'))
writeFileSync(join(folder, 'tallystick.proto'), spec)
execFileSync('protons', ['--strict', '--output', folder, join(folder, 'tallystick.proto')], {
  stdio: 'inherit'
})
const source = readFileSync(join(folder, 'tallystick.ts'), 'utf8')
  .replaceAll('Uint8Array<ArrayBuffer>', 'Uint8Array')
  .replace(
    "import { alloc as uint8ArrayAlloc } from 'uint8arrays/alloc'",
    'const NO_BYTES = new Uint8Array(0)'
  )
  .replaceAll('uint8ArrayAlloc(0)', 'NO_BYTES')
  .replaceAll(/^export namespace (\w+) \{$/gm, "$&\n  export const shape = '$1'\n")
  .replaceAll(/\bw\.uint64\((obj\.\w+)\)/g, 'writeU64(w, $1)')
if (source.includes('w.uint64(')) throw new Error(`${output} writes a u64 in a way that is not known here`)
writeFileSync(output, `// @ts-nocheck\nimport { writeU64 } from './write-u64.js'\n${source}`)
writeFileSync('src/core/wire/shapes.ts', shapesOf(spec))
rmSync(folder, { recursive: true })
