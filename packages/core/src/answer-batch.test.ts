import { setImmediate as turn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { AnswerBatch } from './answer-batch.ts'

function fill(batch: AnswerBatch, count: number, sent: number[]): void {
  for (let number = 0; number < count; number += 1) batch.add({ finish: () => sent.push(number) })
}

it('holds answers until the turn of the event loop ends, and sends them in their order', async () => {
  const batch = new AnswerBatch()
  const sent: number[] = []
  fill(batch, 3, sent)
  await Promise.resolve()
  expect(sent).toEqual([])
  await turn()
  expect(sent).toEqual([0, 1, 2])
})

it('holds no more than sixteen, and each is sent once', async () => {
  const batch = new AnswerBatch()
  const sent: number[] = []
  fill(batch, 16, sent)
  expect(sent).toHaveLength(16)
  fill(batch, 2, sent)
  expect(sent).toHaveLength(16)
  await turn()
  expect(sent).toHaveLength(18)
})

it('sends what has only begun when the turn ends, and not for being one of many', async () => {
  const batch = new AnswerBatch()
  const sent: number[] = []
  for (let number = 0; number < 20; number += 1) batch.hold({ finish: () => sent.push(number) })
  await Promise.resolve()
  expect(sent).toHaveLength(0)
  batch.completed()
  expect(sent).toHaveLength(20)
  batch.hold({ finish: () => sent.push(20) })
  await turn()
  expect(sent).toHaveLength(21)
})
