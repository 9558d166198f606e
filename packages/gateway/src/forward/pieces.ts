import { GatheredBytes } from '@gatehouse/core/gathered-bytes'

/** Bytes from which on a piece is kept as it came: to copy it would cost more than what belongs to it. */
const large = 1024

/** Pieces of a body in their order, the small ones among them as one. */
export class Pieces {
  readonly #first: Buffer[] = []
  /** What came last, while it is small. */
  readonly #last = new GatheredBytes()
  #length = 0

  /** How many bytes there are. */
  get length(): number {
    return this.#length
  }

  /** Takes a piece, which nobody may change any more. */
  add(piece: Buffer): void {
    this.#length += piece.length
    if (piece.length < large) {
      this.#last.add(piece)
      return
    }
    if (this.#last.length > 0) this.#first.push(this.#last.take())
    this.#first.push(piece)
  }

  /** The first; absent where there is none. */
  take(): Buffer | undefined {
    const piece = this.#first.shift() ?? (this.#last.length > 0 ? this.#last.take() : undefined)
    this.#length -= piece?.length ?? 0
    return piece
  }
}
