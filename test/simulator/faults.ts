import type { Ordering } from '#src/orderings/ordering.js'
import type { Rules } from '#src/rules/rules.js'

/** What may be made wrong on purpose, to see that it is found. */
export const FAULTS = ['none', 'tie-break', 'weight'] as const
export type Fault = (typeof FAULTS)[number]

/** The rules as nodes have them. */
export function rulesWith(fault: Fault, rules: Rules): Rules {
  switch (fault) {
    case 'none':
      return rules
    case 'tie-break':
      // Whichever of two blocks came first stays the head.
      return { ...rules, ordering: changed(rules.ordering, { compare: () => 0 }) }
    case 'weight':
      // The longest chain counts, not the heaviest.
      return { ...rules, ordering: changed(rules.ordering, { weight: () => 1n }) }
  }
}

/** An ordering with some of its rules in place of its own. */
export function changed(ordering: Ordering, changes: Partial<Ordering>): Ordering {
  const {
    sequencer,
    blockSize,
    whyNoReward,
    maxReorg,
    bodies,
    maxPendingAge,
    genesisTime,
    lookback,
    hasCheckpoints
  } = ordering
  return {
    sequencer,
    blockSize,
    whyNoReward,
    maxReorg,
    bodies,
    maxPendingAge,
    genesisTime,
    lookback,
    hasCheckpoints,
    screen: (header, id) => ordering.screen(header, id),
    checkHeader: (header, ancestors, now) => ordering.checkHeader(header, ancestors, now),
    verify: (header, ancestors, stakes, now) => ordering.verify(header, ancestors, stakes, now),
    screenHead: (header, now) => ordering.screenHead(header, now),
    weight: header => ordering.weight(header),
    compare: (one, other) => ordering.compare(one, other),
    due: (head, pending, oldest, now) => ordering.due(head, pending, oldest, now),
    prepare: (draft, ancestors) => ordering.prepare(draft, ancestors),
    ...changes
  }
}
