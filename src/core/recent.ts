/** The names that came last, so many of them: those that came first are forgotten first. */
export class Recent {
  readonly #names = new Set<string>()

  constructor(private readonly limit: number) {}

  has(name: string): boolean {
    return this.#names.has(name)
  }

  /** False where it is remembered already. */
  add(name: string): boolean {
    if (this.#names.has(name)) return false
    const [oldest] = this.#names
    if (this.#names.size >= this.limit && oldest !== undefined) this.#names.delete(oldest)
    this.#names.add(name)
    return true
  }
}
