/** The floors of the house: imports go down only, types included, and never in a circle. */
const FLOORS = [
  ['core'],
  ['orderings', 'applications'],
  ['chain', 'network'],
  ['node'],
  ['roles'],
  ['cli'],
  ['localnet'],
  ['checks'],
  ['demo', 'bench', 'soak', 'manager']
]

const above = level => FLOORS.slice(level + 1).flat()
const beside = (level, folder) => FLOORS[level].filter(other => other !== folder)
const inside = folders => `^src/(${folders.join('|')})/`

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    ...FLOORS.flatMap((folders, level) =>
      folders
        .map(folder => ({ folder, forbidden: [...above(level), ...beside(level, folder)] }))
        .filter(({ forbidden }) => forbidden.length > 0)
        .map(({ folder, forbidden }) => ({
          name: `${folder}-imports-downward`,
          severity: 'error',
          from: { path: inside([folder]) },
          to: { path: inside(forbidden) }
        }))
    ),
    {
      name: 'core-touches-nothing',
      comment: 'No files, no sockets, no timers: formats and pure functions.',
      severity: 'error',
      from: { path: '^src/(core|orderings|applications)/' },
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
      from: { path: '^src/(chain|network|node|roles)/' },
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
      from: { path: '^src/' },
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
