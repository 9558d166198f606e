import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildCloseFrame, FrameBoundary } from './frames.ts'

/** A frame with a payload of some length, masked or not. */
function frame(length: number, masked: boolean): Buffer {
  const code = length < 126 ? length : length < 65_536 ? 126 : 127
  const extended = Buffer.alloc(code === 126 ? 2 : code === 127 ? 8 : 0)
  if (code === 126) extended.writeUInt16BE(length)
  if (code === 127) extended.writeBigUInt64BE(BigInt(length))
  const mask = Buffer.alloc(masked ? 4 : 0, 0xff)
  return Buffer.concat([Buffer.from([0x82, code | (masked ? 0x80 : 0)]), extended, mask, Buffer.alloc(length, 0x82)])
}

describe('a stream of frames', () => {
  it('stands between two frames at their ends and nowhere else, however it is cut', () => {
    const lengths = fc.oneof(fc.constantFrom(0, 1, 125, 126, 127, 65_535, 65_536, 70_000), fc.nat({ max: 300 }))
    const frames = fc.array(fc.tuple(lengths, fc.boolean()), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1 }), (list, cuts) => {
        const parts = list.map(([length, masked]) => frame(length, masked))
        const ends = new Set<number>()
        let end = 0
        for (const part of parts) {
          end += part.length
          ends.add(end)
        }
        const bytes = Buffer.concat(parts)
        const boundary = new FrameBoundary()
        for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
          const next = Math.min(bytes.length, at + (cuts[turn % cuts.length] ?? 1))
          boundary.take(bytes.subarray(at, next))
          at = next
          expect(boundary.isBetween).toBe(ends.has(at))
        }
      }),
      { numRuns: 200 },
    )
  })

  it('is told why it is closed in one frame, however long the reason', () => {
    const close = buildCloseFrame(1008, 'é'.repeat(100))
    expect([close.readUInt8(0), close.readUInt8(1), close.readUInt16BE(2)]).toEqual([0x88, 125, 1008])
    expect(close).toHaveLength(127)
  })
})
