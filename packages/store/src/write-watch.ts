/** Why nothing, or not everything, can be written to a database just now. */
export type WriteTrouble = 'full' | 'failing' | 'read-only' | 'locked' | 'damaged'

/** What is known of writes to a database, from those that were tried last. */
export interface Writes {
  /** Why the last write failed, until one succeeds; of a damaged database for ever. */
  readonly trouble: WriteTrouble | undefined
  /** Calls when it changes, also with what it is now. */
  onChange(listener: (trouble: WriteTrouble | undefined) => void): void
}

/** Milliseconds after which a lock that was met is forgotten: nobody tries on purpose, since all others would wait meanwhile. */
const lockMemory = 10_000

/** Remembers the last write that failed. */
export class WriteWatch implements Writes {
  readonly #locksInPart: boolean
  #trouble: WriteTrouble | undefined
  #failedAt = 0
  #listener: (trouble: WriteTrouble | undefined) => void = () => {}

  /** `locksInPart`: a lock may be of one table or row, so that a write elsewhere says nothing of it. */
  constructor({ locksInPart = false }: { readonly locksInPart?: boolean } = {}) {
    this.#locksInPart = locksInPart
  }

  get trouble(): WriteTrouble | undefined {
    if (this.#trouble === 'locked' && performance.now() - this.#failedAt > lockMemory) this.#become(undefined)
    return this.#trouble
  }

  onChange(listener: (trouble: WriteTrouble | undefined) => void): void {
    this.#listener = listener
    if (this.#trouble !== undefined) listener(this.#trouble)
  }

  /** A write failed; `undefined` where that says nothing of others. */
  failed(trouble: WriteTrouble | undefined): void {
    if (trouble === undefined || this.#trouble === 'damaged') return
    // A lock of one table does not end what keeps everything from being written.
    if (this.#locksInPart && trouble === 'locked' && this.trouble !== undefined && this.#trouble !== 'locked') return
    this.#failedAt = performance.now()
    this.#become(trouble)
  }

  /** A write is on the disk. */
  succeeded(): void {
    if (this.#locksInPart && this.trouble === 'locked') return
    // What is damaged does not heal where another page could be written.
    if (this.#trouble !== 'damaged') this.#become(undefined)
  }

  #become(trouble: WriteTrouble | undefined): void {
    if (trouble === this.#trouble) return
    this.#trouble = trouble
    this.#listener(trouble)
  }
}
