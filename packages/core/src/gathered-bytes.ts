/** Bytes that the first block takes at least, so that a few small pieces do not make it grow each time. */
const smallestBlock = 256

/**
 * Bytes that come in pieces and are wanted as one. A piece as it comes is a buffer with what belongs to it: a hundred to some hundred
 * bytes, however small it is, and a client may send its body a byte at a time. They are copied into one block, which costs
 * at most twice what has come. The first piece is not copied before there is a second: most bodies come whole.
 */
export class GatheredBytes {
  #block: Buffer | undefined = undefined
  #length = 0
  /** Whether the block is one of ours, with room behind what has come. */
  #isOwn = false

  /** How many there are. */
  get length(): number {
    return this.#length
  }

  /** Takes a piece, which nobody may change any more. */
  add(piece: Buffer): void {
    if (this.#block === undefined) {
      this.#block = piece
      this.#length = piece.length
      return
    }
    const length = this.#length + piece.length
    if (!this.#isOwn || length > this.#block.length) {
      const block = Buffer.allocUnsafeSlow(Math.max(smallestBlock, length * 2))
      this.#block.copy(block, 0, 0, this.#length)
      this.#block = block
      this.#isOwn = true
    }
    piece.copy(this.#block, this.#length)
    this.#length = length
  }

  /** All that has come, in one piece; none are left. */
  take(): Buffer {
    const block = this.#block ?? Buffer.alloc(0)
    const bytes = this.#isOwn ? block.subarray(0, this.#length) : block
    this.#block = undefined
    this.#isOwn = false
    this.#length = 0
    return bytes
  }
}
