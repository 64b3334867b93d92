/** What each account has at first. */
export const GRANT = 1_000_000_000n

export const LEAST_FEE = 1n

/** What each block makes where miners order. */
export const REWARD = 50n
