import { expect, it } from 'vitest'
import { RememberedAnswers } from './remembered-answers.ts'

it('remembers until a moment, and so many at the most', () => {
  const answers = new RememberedAnswers<boolean>(3)
  for (const key of ['a', 'b', 'c', 'd']) answers.remember(key, key === 'b', { from: 0, until: 100 })
  expect(answers.size).toBe(3)
  expect(['a', 'b', 'c', 'd'].map((key) => answers.find(key, 99))).toEqual([undefined, true, false, false])
  answers.remember('b', false, { from: 0, until: 200 })
  answers.remember('e', true, { from: 0, until: 200 })
  expect(['b', 'c', 'e'].map((key) => answers.find(key, 99))).toEqual([false, undefined, true])
  expect(answers.find('d', 100)).toBeUndefined()
  expect(answers.size).toBe(2)
})

it('forgets what was given at a time that is still to come: the clock was put back', () => {
  const answers = new RememberedAnswers<boolean>(3)
  answers.remember('a', true, { from: 5000, until: 6000 })
  expect([answers.find('a', 5000), answers.find('a', 4999), answers.find('a', 5500)]).toEqual([
    true,
    undefined,
    undefined,
  ])
})
