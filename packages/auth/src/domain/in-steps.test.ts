import { describe, expect, it } from 'vitest'
import { inSteps } from './in-steps.ts'

describe('what is done in steps', () => {
  it('goes on while there are more, and lets others have their turn between two', async () => {
    const [sizes, moments]: [number[], number[]] = [[], []]
    let left = 25
    await inSteps({ size: 10 }, async (limit) => {
      moments.push(performance.now())
      sizes.push(limit)
      const done = Math.min(limit, left)
      left -= done
      return done
    })
    expect(sizes).toEqual([10, 10, 10])
    for (const [index, moment] of moments.slice(1).entries())
      expect(moment - Number(moments[index])).toBeGreaterThan(15)
  })

  it('stops after as many steps as it may take', async () => {
    let steps = 0
    await inSteps({ size: 1, most: 3 }, async () => {
      steps += 1
      return 1
    })
    expect(steps).toBe(3)
  })
})
