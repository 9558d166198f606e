import { Pool as PublicPool } from 'undici'
import { expect, it } from 'vitest'
import { Pool } from './pool.ts'

it('is undici’s own pool, so that its public types hold', () => {
  expect(Pool).toBe(PublicPool)
})
