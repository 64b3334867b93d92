import type { Fault } from './faults.js'
import type { OrderingName } from './rules.js'

/** What a run is like: with the same options it comes out the same. */
export interface SimulationOptions {
  readonly nodes: number
  readonly ordering: OrderingName
  readonly hours: number
  readonly seed: number
  /** Between two blocks, s. */
  readonly interval: number
  /** Of one message on one link, ms on average. */
  readonly delay: number
  /** The share of messages that get lost. */
  readonly loss: number
  /** The share of the time in which the network is split. */
  readonly partition: number
  /** The share of nodes that are away at any time. */
  readonly churn: number
  /** How many of the nodes mine, all with the same hash power. */
  readonly miners: number
  /** Hash power at the end for that at the start. */
  readonly growth: number
  /** Messages an hour, in all. */
  readonly messageRate: number
  readonly fault: Fault
}

export const DEFAULTS: Omit<SimulationOptions, 'miners'> = {
  nodes: 100,
  ordering: 'work',
  hours: 24,
  seed: 1,
  interval: 600,
  delay: 2000,
  loss: 0,
  partition: 0,
  churn: 0,
  growth: 1,
  messageRate: 6,
  fault: 'none'
}

export const HOUR = 3_600_000
