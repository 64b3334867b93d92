/** Stake by PeerId in hex, in the application's smallest unit. Empty where nothing is staked. */
export type Stakes = ReadonlyMap<string, bigint>

export const NO_STAKES: Stakes = new Map()
