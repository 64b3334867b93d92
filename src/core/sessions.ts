/**
 * The secrets of sealing sessions that were agreed on. Each author has a share of its own: the session that it
 * agreed on first makes room for its next one. So the many sessions of one author never push out those of another. Of
 * more authors than there is room for, the one that has sent nothing for longest is forgotten.
 */
export class Sessions<Secret> {
  /** By author, the one that was heard of last at the end. None is empty. */
  readonly #byAuthor = new Map<string, Map<string, Secret>>()

  constructor(
    private readonly authors: number,
    private readonly ofAuthor: number
  ) {}

  get(author: string, session: string): Secret | undefined {
    const secrets = this.#byAuthor.get(author)
    const secret = secrets?.get(session)
    if (secrets === undefined || secret === undefined) return undefined
    this.#byAuthor.delete(author)
    this.#byAuthor.set(author, secrets)
    return secret
  }

  add(author: string, session: string, secret: Secret): void {
    const secrets = this.#byAuthor.get(author) ?? new Map<string, Secret>()
    this.#byAuthor.delete(author)
    if (secrets.size >= this.ofAuthor) deleteFirst(secrets)
    secrets.set(session, secret)
    if (this.#byAuthor.size >= this.authors) deleteFirst(this.#byAuthor)
    this.#byAuthor.set(author, secrets)
  }
}

function deleteFirst(map: Map<string, unknown>): void {
  const [first] = map.keys()
  if (first !== undefined) map.delete(first)
}
