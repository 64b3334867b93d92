// Makes src/core/wire/tallystick.ts from tallystick.proto. Run by npm, which puts `protons` on the path.
// The generator does not write for exactOptionalPropertyTypes, hence @ts-nocheck; its types still hold outside.
// Bytes may lie in any buffer (Node's own, a worker's), so the narrower type it writes is widened.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

const proto = 'src/core/wire/tallystick.proto'
const output = proto.replace(/\.proto$/, '.ts')

execFileSync('protons', ['--strict', proto], { stdio: 'inherit' })
const source = readFileSync(output, 'utf8').replaceAll('Uint8Array<ArrayBuffer>', 'Uint8Array')
writeFileSync(output, `// @ts-nocheck\n${source}`)
