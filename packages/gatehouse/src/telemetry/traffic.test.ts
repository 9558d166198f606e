import { expect, it } from 'vitest'
import { createTraffic } from './traffic.ts'

it('knows the rate of the last tenth of a second', () => {
  let now = 0
  const traffic = createTraffic(() => now)
  for (let count = 0; count < 50; count += 1) traffic.count()
  expect(traffic.perSecond).toBe(0)
  now = 100
  expect(traffic.perSecond).toBe(500)
  traffic.count()
  now = 199
  expect(traffic.perSecond).toBe(500)
  now = 200
  expect(traffic.perSecond).toBe(10)
  now = 5000
  expect(traffic.perSecond).toBe(0)
})
