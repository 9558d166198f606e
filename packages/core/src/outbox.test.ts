import { setImmediate as turn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { Outbox } from './outbox.ts'

function fill(outbox: Outbox, count: number, sent: number[]): void {
  for (let number = 0; number < count; number += 1) outbox.add({ finish: () => sent.push(number) })
}

it('holds answers until the turn of the event loop ends, and sends them in their order', async () => {
  const outbox = new Outbox()
  const sent: number[] = []
  fill(outbox, 3, sent)
  await Promise.resolve()
  expect(sent).toEqual([])
  await turn()
  expect(sent).toEqual([0, 1, 2])
})

it('holds no more than sixteen, and each is sent once', async () => {
  const outbox = new Outbox()
  const sent: number[] = []
  fill(outbox, 16, sent)
  expect(sent).toHaveLength(16)
  fill(outbox, 2, sent)
  expect(sent).toHaveLength(16)
  await turn()
  expect(sent).toHaveLength(18)
})

it('sends what has only begun when the turn ends, and not for being one of many', async () => {
  const outbox = new Outbox()
  const sent: number[] = []
  for (let number = 0; number < 20; number += 1) outbox.hold({ finish: () => sent.push(number) })
  await Promise.resolve()
  expect(sent).toHaveLength(0)
  outbox.completed()
  expect(sent).toHaveLength(20)
  outbox.hold({ finish: () => sent.push(20) })
  await turn()
  expect(sent).toHaveLength(21)
})
