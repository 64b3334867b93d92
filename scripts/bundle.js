// Makes one file of each program, and of each module that a thread or a child process begins with, in place of what
// tsc wrote for it: starting takes a third of the time that hundreds of modules take. What several of them need stands
// in dist/chunks. Code that ends up there is at another place than its source: it finds workers, programs and
// templates by '#src/…' and '#config/…', never by a path relative to itself.
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const PROGRAMS = /^programs\/|^bench\/.*-process\.ts$|-worker\.ts$/
const FOLDERS = ['src', 'tools']

/** A native module, and one that starts threads with files of its own. */
const EXTERNAL = ['classic-level', 'piscina']

const programs = FOLDERS.flatMap(folder =>
  readdirSync(folder, { recursive: true })
    .filter(file => PROGRAMS.test(file))
    .map(file => ({ in: `${folder}/${file}`, out: file.replace(/\.ts$/, '') }))
)
/** The tools name the product's modules as others would, by what it exports; each must be in a bundle once. */
const ofSource = {
  name: 'source',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^#src\// }, ({ path }) => ({
      path: join(process.cwd(), path.replace(/^#/, '').replace(/\.js$/, '.ts'))
    }))
}
const { metafile } = await build({
  entryPoints: programs,
  outdir: 'dist',
  plugins: [ofSource],
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: EXTERNAL,
  // What Node 20 lacks comes before all else: a bundle's chunks run before its own first line.
  inject: ['scripts/node-20.js'],
  sourcemap: true,
  // Parts of it are CommonJS, and require Node's own modules.
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"
  },
  metafile: true,
  logLevel: 'warning'
})
for (const file of readdirSync('dist/chunks'))
  if (metafile.outputs[`dist/chunks/${file}`] === undefined) rmSync(join('dist/chunks', file))
// They are commands, which a link to them must be able to run.
for (const program of ['peer', 'tallystick']) chmodSync(`dist/${program}.js`, 0o755)
writeFileSync('dist/THIRD-PARTY-LICENSES', licensesOf(Object.keys(metafile.inputs)))

/** Of all packages whose code the bundles hold: their licences want to go with it. */
function licensesOf(inputs) {
  const folders = inputs.flatMap(file => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? [])
  return [...new Set(folders)]
    .sort()
    .map(licenseOf)
    .join(`\n${'-'.repeat(80)}\n\n`)
}

function licenseOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const texts = readdirSync(folder).filter(file => /^(licen[cs]e|copying|notice)/i.test(file))
  return [
    `${name} ${version}: ${license}\n`,
    ...texts.map(file => readFileSync(join(folder, file), 'utf8'))
  ].join('\n')
}
