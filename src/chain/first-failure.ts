/** After a write has failed, what is on disk is not known. So nothing is written on top of it: all later writes fail too. */
export class FirstFailure {
  #error: Error | undefined

  /** Throws the first failure, where there was one. */
  expectNone(): void {
    if (this.#error !== undefined) throw this.#error
  }

  /** Does the write, unless one before has failed. */
  async guard<T>(write: () => Promise<T>): Promise<T> {
    this.expectNone()
    try {
      return await write()
    } catch (error) {
      this.#error ??= error instanceof Error ? error : new Error(String(error))
      throw error
    }
  }
}
