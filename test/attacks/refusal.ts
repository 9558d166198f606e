import { expect } from 'vitest'
import type { Provider } from '../rfc/provider.ts'

/**
 * Does what must be refused, and sees to what holds for every refusal: no error of ours, and one audit event at the most.
 */
export async function refusing<T extends { readonly status: number }>(
  provider: Provider,
  attack: () => Promise<T>,
): Promise<T> {
  const before = await provider.countEvents()
  const answer = await attack()
  expect(answer.status).toBeLessThan(500)
  expect(provider.refusals.filter(({ error }) => error === 'server_error')).toEqual([])
  expect((await provider.countEvents()) - before).toBeLessThanOrEqual(1)
  return answer
}
