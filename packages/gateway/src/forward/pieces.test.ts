import { expect, it } from 'vitest'
import { Pieces } from './pieces.ts'

const takeAll = (pieces: Pieces): Buffer[] => {
  const all: Buffer[] = []
  for (let piece = pieces.take(); piece !== undefined; piece = pieces.take()) all.push(piece)
  return all
}

it('are given back in their order, small ones as one, large ones as they came', () => {
  const pieces = new Pieces()
  const [first, second] = [Buffer.alloc(1024, 'A'), Buffer.alloc(70_000, 'B')]
  const came = [Buffer.from('a'), Buffer.from('b'), first, second, Buffer.from('c'), Buffer.from('d'), first]
  for (const piece of came) pieces.add(piece)
  expect(pieces).toHaveLength(came.reduce((sum, { length }) => sum + length, 0))
  const all = takeAll(pieces)
  expect(all.map(({ length }) => length)).toEqual([2, 1024, 70_000, 2, 1024])
  expect([all[1], all[2]]).toEqual([first, second])
  expect(all[1]).toBe(first)
  expect(Buffer.concat(all).equals(Buffer.concat(came))).toBe(true)
  expect(pieces).toHaveLength(0)
  pieces.add(Buffer.from('next'))
  expect(String(pieces.take())).toBe('next')
  expect(pieces.take()).toBeUndefined()
})
