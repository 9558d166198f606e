import { describe, expect, it } from 'vitest'
import { createCookies } from './cookies.ts'

const cookies = createCookies('https://auth.example.com')
const value = 'v'.repeat(43)

describe('a cookie', () => {
  it('is found among others, whatever blanks and tabs stand around it', () => {
    for (const around of ['', ' ', '\t', '  ']) {
      const cookie = `a=b;${around}__Host-gatehouse_session${around}=${around}${value}${around}; c=d`
      expect(cookies.findSession({ cookie })).toBe(value)
    }
  })

  it('is looked for in no more time where a header is full of blanks', () => {
    const blanks = ' '.repeat(16_000)
    for (const cookie of [`a${blanks}b=1`, `__Host-gatehouse_session=a${blanks}b`, `${blanks}=${blanks}`]) {
      const startedAt = performance.now()
      for (let index = 0; index < 20; index += 1) expect(cookies.findSession({ cookie })).toBeUndefined()
      expect(performance.now() - startedAt).toBeLessThan(200)
    }
  })

  it.each(['\u00a0', '\ufeff', '\u2028', '\v', '\f', '\r'])(
    'is another one with %j before or after its name',
    (space) => {
      for (const name of [`${space}__Host-gatehouse_session`, `__Host-gatehouse_session${space}`]) {
        const cookie = `${name}=${'x'.repeat(43)}; __Host-gatehouse_session=${value}`
        expect(cookies.findSession({ cookie })).toBe(value)
        expect(cookies.findSession({ cookie: `${name}=${value}` })).toBeUndefined()
      }
    },
  )
})
