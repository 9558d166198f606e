import { expect, it } from 'vitest'
import { RememberedAnswers } from './remembered-answers.ts'

it('remembers until a moment, and so many at the most', () => {
  const answers = new RememberedAnswers<boolean>(3)
  for (const key of ['a', 'b', 'c', 'd']) answers.remember(key, key === 'b', 100)
  expect(answers.size).toBe(3)
  expect(['a', 'b', 'c', 'd'].map((key) => answers.find(key, 99))).toEqual([undefined, true, false, false])
  answers.remember('b', false, 200)
  answers.remember('e', true, 200)
  expect(['b', 'c', 'e'].map((key) => answers.find(key, 99))).toEqual([false, undefined, true])
  expect(answers.find('d', 100)).toBeUndefined()
  expect(answers.size).toBe(2)
})
