// Writes the tables of docs/ that repeat code, from what is built; with --check it says by its exit code whether they
// are fresh.
import { readFileSync, writeFileSync } from 'node:fs'
import { ERRORS } from '../dist/core/errors.js'

const file = 'docs/ERRORS.md'
const rows = Object.entries(ERRORS).map(
  ([code, { means, remedy, exitCode = 1 }]) => `| \`${code}\` | ${means} | ${remedy} | ${exitCode} |`
)
const text = `# Errors

Each error has a code. A command that fails with \`--json\` writes it beside its sentence:
\`{"error": "…", "code": "ERR_…"}\`. Programs should go by the code, as sentences may be worded anew. A code keeps its
meaning; a later version may have more of them.

The sentence of an error says more than this table: what was wrong, where, and what to do there. What the system or
LevelDB said is kept as the \`cause\` of the error.

<!-- npm run generate:docs makes this table from src/core/errors.ts. -->

| code | meaning | what to do | exit code |
|---|---|---|---|
${rows.join('\n')}
`

if (!process.argv.includes('--check')) writeFileSync(file, text)
else if (readFileSync(file, 'utf8') !== text) {
  process.stderr.write(`${file} is not what the code says; make it anew with: npm run generate:docs\n`)
  process.exitCode = 1
}
