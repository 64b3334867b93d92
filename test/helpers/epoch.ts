/** 2023-11-14; blocks of tests come a second apart. */
export const EPOCH = 1_700_000_000_000
