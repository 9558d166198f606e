/** Why a WebSocket is closed. Spec: RFC 6455 section 7.4.1. */
export const closeCodes = { goingAway: 1001, policyViolation: 1008 } as const

/** A close frame of a server: not masked. Spec: RFC 6455 section 5.5.1. */
export function buildCloseFrame(code: number, reason: string): Buffer {
  const text = Buffer.from(reason).subarray(0, 123)
  const frame = Buffer.alloc(4 + text.length)
  frame.writeUInt8(0x88, 0)
  frame.writeUInt8(2 + text.length, 1)
  frame.writeUInt16BE(code, 2)
  text.copy(frame, 4)
  return frame
}

/**
 * Follows a stream of frames and knows whether it stands between two. Cost: a few steps a frame; payloads are skipped, not
 * looked at. Spec: RFC 6455 section 5.2.
 */
export class FrameBoundary {
  /** Bytes of the present frame's payload that are still to come. */
  #payload = 0
  /** What has come of the present frame's header; 0 = none. */
  #headerLength = 0
  #lengthCode = 0
  #masked = false
  #length = 0

  /** Whether everything that was taken in ends with a whole frame. */
  get isBetween(): boolean {
    return this.#payload === 0 && this.#headerLength === 0
  }

  /** Takes in what was passed on. */
  take(chunk: Uint8Array): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#payload > 0) {
        const skipped = Math.min(this.#payload, chunk.length - at)
        this.#payload -= skipped
        at += skipped
      } else {
        this.#takeHeaderByte(chunk[at] ?? 0)
        at += 1
      }
    }
  }

  #takeHeaderByte(byte: number): void {
    const index = this.#headerLength
    this.#headerLength += 1
    if (index === 0) return
    if (index === 1) {
      this.#masked = (byte & 0x80) !== 0
      this.#lengthCode = byte & 0x7f
      this.#length = this.#lengthCode < 126 ? this.#lengthCode : 0
    } else if (index < 2 + lengthBytes(this.#lengthCode)) {
      this.#length = this.#length * 256 + byte
    }
    if (this.#headerLength < 2 + lengthBytes(this.#lengthCode) + (this.#masked ? 4 : 0)) return
    this.#headerLength = 0
    this.#payload = this.#length
  }
}

const lengthBytes = (code: number): number => (code === 126 ? 2 : code === 127 ? 8 : 0)
