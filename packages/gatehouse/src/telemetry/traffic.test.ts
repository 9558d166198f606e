import { expect, it } from 'vitest'
import { createTraffic } from './traffic.ts'

it('knows the rate of the last fortieth of a second', () => {
  let now = 0
  const traffic = createTraffic(() => now)
  for (let count = 0; count < 50; count += 1) traffic.count()
  expect(traffic.perSecond).toBe(0)
  now = 25
  expect(traffic.perSecond).toBe(2000)
  traffic.count()
  now = 49
  expect(traffic.perSecond).toBe(2000)
  now = 50
  expect(traffic.perSecond).toBe(40)
  now = 5000
  expect(traffic.perSecond).toBe(0)
})
