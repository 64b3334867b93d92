/** The floors of the house: imports go down only, types included, and never in a circle. */
const FLOORS = [
  ['core'],
  ['lifecycle'],
  ['orderings', 'applications'],
  ['rules'],
  ['chain', 'network'],
  ['validation'],
  ['query'],
  ['replication', 'chat'],
  ['client'],
  ['api'],
  ['intake', 'serve'],
  ['node'],
  ['cli']
]
/** They stand on the product, and it does not know of them. */
const TOOLS = [['localnet'], ['scenario'], ['demo', 'bench', 'soak', 'manager']]

const downward = (root, floors) =>
  floors.flatMap((folders, level) =>
    folders
      .map(folder => ({
        folder,
        forbidden: [...floors.slice(level + 1).flat(), ...folders.filter(other => other !== folder)]
      }))
      .filter(({ forbidden }) => forbidden.length > 0)
      .map(({ folder, forbidden }) => ({
        name: `${folder}-imports-downward`,
        severity: 'error',
        from: { path: `^${root}/${folder}/` },
        to: { path: `^${root}/(${forbidden.join('|')})/` }
      }))
  )

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    ...downward('src', FLOORS),
    ...downward('tools', TOOLS),
    {
      name: 'src-needs-no-tool',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^tools/' }
    },
    {
      name: 'core-touches-nothing',
      comment: 'No files, no sockets, no timers: formats and pure functions.',
      severity: 'error',
      from: { path: '^src/(core|orderings|applications)/', pathNot: '^src/orderings/proof-of-work/' },
      to: {
        path: '^(node:)?(fs|fs/promises|net|http|timers|timers/promises|child_process|worker_threads|os)$'
      }
    },
    {
      name: 'libp2p-stays-in-network',
      comment: "libp2p's streams and services are the network floor's own; keys and peer ids are formats.",
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/network/' },
      to: {
        path: '^node_modules/(libp2p|@libp2p/(gossipsub|noise|tcp|yamux|mplex|identify|pnet|utils))/',
        dependencyTypesNot: ['type-only']
      }
    },
    {
      name: 'files-stay-above',
      comment: 'Files and processes belong to the entries, the command line and localnet.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli/' },
      to: { path: '^(node:)?(fs|fs/promises|child_process)$' }
    },
    {
      name: 'src-needs-no-test',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^test/' }
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'declared-dependencies',
      severity: 'error',
      from: { path: '^(src|tools)/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] }
    }
  ],
  options: {
    doNotFollow: { path: 'node_modules|^dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'default'] }
  }
}
