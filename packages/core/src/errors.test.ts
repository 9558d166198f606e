import { describe, expect, it } from 'vitest'
import { buildUnavailable } from './errors.ts'

describe('buildUnavailable', () => {
  it('sends those whom one error refuses back at different times, after 1 to 3 seconds', () => {
    const { details } = buildUnavailable(new Error('gone'))
    const drawn = new Set(Array.from({ length: 200 }, () => details.retryAfter))
    expect([...drawn].sort()).toEqual([1, 2, 3])
  })
})
