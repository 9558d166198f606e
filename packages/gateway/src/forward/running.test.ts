import { expect, it } from 'vitest'
import type { RouteTable } from '../routes.ts'
import type { Visit } from '../visit.ts'
import { Running, type Runs } from './running.ts'

// Nothing here looks into them.
const [visit, table] = [{} as Visit, {} as RouteTable]

it('ticks each member once, whoever is removed meanwhile, and forgets who was', () => {
  const running = new Running()
  const ticked: number[] = []
  const members: Runs[] = Array.from({ length: 6 }, (_, number) => ({
    slot: -1,
    isStream: false,
    visit,
    judgedBy: table,
    reviewAt: 0,
    stop() {},
    onRevoked() {},
    endStream() {},
    onTick() {
      ticked.push(number)
      if (number % 2 === 1) running.remove(this)
    },
  }))
  for (const member of members) running.add(member)
  running.tick(() => undefined)
  expect(ticked.sort()).toEqual([0, 1, 2, 3, 4, 5])
  expect(running.size).toBe(3)
  ticked.length = 0
  running.tick(() => undefined)
  expect(ticked.sort()).toEqual([0, 2, 4])
  for (const member of [...members, ...members]) running.remove(member)
  expect(running.size).toBe(0)
})
