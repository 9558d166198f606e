import { expect, it } from 'vitest'
import { GatheredBytes } from './gathered-bytes.ts'

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1')

it('gives back what came, in its order, and is empty then', () => {
  for (const sizes of [[], [0], [5], [1, 1], [300, 1, 700, 0, 4000], Array.from({ length: 5000 }, () => 1)]) {
    const gathered = new GatheredBytes()
    const text = sizes.map((size, index) => String.fromCharCode(97 + (index % 26)).repeat(size))
    for (const part of text) gathered.add(bytesOf(part))
    expect(gathered).toHaveLength(text.join('').length)
    expect(gathered.take().toString('latin1')).toBe(text.join(''))
    expect(gathered).toHaveLength(0)
    gathered.add(bytesOf('next'))
    expect(gathered.take().toString()).toBe('next')
  }
})

it('copies nothing where all comes at once, and never writes into what it was given', () => {
  const whole = bytesOf('whole')
  const gathered = new GatheredBytes()
  gathered.add(whole)
  expect(gathered.take().buffer).toBe(whole.buffer)
  const memory = bytesOf('first, and what is of others')
  gathered.add(memory.subarray(0, 5))
  gathered.add(bytesOf(', second'))
  expect(gathered.take().toString()).toBe('first, second')
  expect(memory.toString()).toBe('first, and what is of others')
})

it('takes about twice the memory of the bytes, however small their pieces are', () => {
  const gathered = new GatheredBytes()
  for (let count = 0; count < 60_000; count += 1) gathered.add(Buffer.allocUnsafeSlow(1))
  expect(gathered.take().buffer.byteLength).toBeLessThanOrEqual(130_000)
})
