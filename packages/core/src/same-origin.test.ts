import { expect, it } from 'vitest'
import { isOfSameOrigin } from './same-origin.ts'

const own = 'https://app.example.com'

it.each([
  [own, 'same-origin', true],
  [own, undefined, true],
  [undefined, 'same-origin', true],
  ['null', 'same-origin', true],
  [undefined, undefined, false],
  ['null', undefined, false],
  ['null', 'cross-site', false],
  [own, 'same-site', false],
  [own, 'none', false],
  ['https://evil.example', 'same-origin', false],
  ['https://evil.example', undefined, false],
  ['http://app.example.com', undefined, false],
])('a request with the Origin %s and Sec-Fetch-Site %s is of the same origin: %s', (origin, site, answer) => {
  expect(isOfSameOrigin({ origin, 'sec-fetch-site': site }, own)).toBe(answer)
})
