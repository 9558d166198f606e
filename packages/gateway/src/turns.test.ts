import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { Turns } from './turns.ts'

it('does a few in each turn, all of them in their order, and at once what comes alone', async () => {
  const turns = new Turns()
  const done: number[] = []
  for (let index = 0; index < 20; index += 1) turns.run(() => done.push(index))
  expect(done).toHaveLength(8)
  await nextTurn()
  expect(done).toHaveLength(16)
  // Who comes later does not get before those that wait.
  turns.run(() => done.push(20))
  expect(done).toHaveLength(16)
  await nextTurn()
  expect(done).toEqual(Array.from({ length: 21 }, (_, index) => index))
  await nextTurn()
  turns.run(() => done.push(21))
  expect(done).toHaveLength(22)
})
