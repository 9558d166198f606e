import { expect, it } from 'vitest'
import { newKeyId } from './random.ts'

it('makes ids of keys that no command reads as an option', () => {
  const ids = Array.from({ length: 2000 }, newKeyId)
  expect(ids.every((id) => /^\w[\w-]{15}$/.test(id))).toBe(true)
  expect(new Set(ids).size).toBe(ids.length)
})
