/** In any order. */
export function shuffled<T>(list: readonly T[]): T[] {
  return list
    .map(item => ({ item, place: Math.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item)
}
