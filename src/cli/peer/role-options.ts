import type { Command, Option } from 'commander'
import { ORDERINGS } from '../../orderings/registry.js'
import { UsageError } from '../failure.js'

/** Of full nodes that extend a chain, whatever its ordering. */
const PRODUCERS: readonly string[] = ORDERINGS.flatMap(({ producer }) => producer?.role ?? [])

export const ROLES: readonly string[] = ['sequencer', 'client', 'follower', ...PRODUCERS, 'chat']
export type Role = string

/** Whose option it is, by the name that commander gives it. The help has its groups from here, and the refusals. */
const OF_ROLES = {
  network: ROLES,
  key: ROLES,
  listen: ROLES,
  connect: ROLES,
  membersOnly: ROLES,
  allow: ROLES,
  swarmKey: ROLES,
  json: ROLES,
  data: ['sequencer', 'client', 'follower', ...PRODUCERS],
  marks: ['sequencer', 'client'],
  keyGrace: ['sequencer'],
  signPositionsAgainAndRiskConviction: ['sequencer'],
  rate: ['client'],
  duration: ['client'],
  stdin: ['client'],
  verify: ['client', 'follower'],
  mine: PRODUCERS,
  threads: PRODUCERS,
  owner: ['follower', ...PRODUCERS],
  room: ['chat']
} satisfies Readonly<Record<string, readonly Role[]>>

/** Groups the options of a peer by the roles that have them. Throws where nothing says whose an option is. */
export function groupByRole(command: Command): void {
  for (const option of command.options) option.helpGroup(headingOf(option))
}

function headingOf(option: Option): string {
  const name = option.attributeName()
  if (name === 'role' || name === 'version') return 'Options:'
  const roles = rolesOf(name)
  const [first = ''] = roles
  if (roles.length === ROLES.length) return 'Of all roles:'
  const others = ROLES.filter(role => !roles.some(own => own === role))
  if (others.length === 1) return `Of all but a ${others.join()}:`
  return `Of a ${roles.length === 1 ? first : listed(roles, 'and a')}:`
}

/** Throws UsageError where an option was given that this role does not have. */
export function expectOptionsOf(role: Role, command: Command): void {
  for (const option of command.options) {
    const name = option.attributeName()
    if (name === 'role' || name === 'version' || command.getOptionValueSource(name) !== 'cli') continue
    const roles = rolesOf(name)
    if (!roles.some(own => own === role))
      throw new UsageError(
        `${option.long} is for the role${roles.length === 1 ? '' : 's'} ${listed(roles, 'and')}, and not for a ${role}; leave it out, or start a peer with another --role`
      )
  }
}

function rolesOf(name: string): readonly Role[] {
  const known = Object.entries(OF_ROLES).find(([own]) => own === name)
  if (known === undefined) throw new RangeError(`nothing says to which roles the option "${name}" belongs`)
  return known[1]
}

function listed(roles: readonly Role[], last: string): string {
  return roles.length === 1 ? roles.join() : `${roles.slice(0, -1).join(', ')} ${last} ${roles.at(-1)}`
}
