import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { asGatehouseError, errorCatalogue, GatehouseError } from './errors.ts'
import { isReserved, paths, reservedOnOtherHosts } from './paths.ts'
import { newDecisionId, newGrantId, newRequestId, newUserId, randomToken } from './random.ts'
import { formatScope, intersectScopes, missingScopes, parseScope } from './scope.ts'
import { ManualClock, parseDuration } from './time.ts'

describe('scopes (RFC 6749 section 3.3)', () => {
  it('are lists of printable tokens with one space between two', () => {
    expect([...(parseScope('a b:c b:c') ?? [])]).toEqual(['a', 'b:c'])
    expect(parseScope('')?.size).toBe(0)
    for (const text of [
      ' a',
      'a ',
      'a  b',
      'a"b',
      'a\\b',
      'a\tb',
      'ä',
      'a\u0000',
      'x'.repeat(4097),
      Array.from({ length: 101 }, (_, index) => `s${index}`).join(' '),
    ]) {
      expect(parseScope(text), JSON.stringify(text)).toBeUndefined()
    }
  })

  it('never grow by being met', () => {
    const scope = fc.array(fc.constantFrom<string>('a', 'b', 'c', 'd')).map((tokens) => new Set(tokens))
    fc.assert(
      fc.property(scope, scope, (asked, allowed) => {
        const both = intersectScopes(asked, allowed)
        for (const token of both) expect(asked.has(token) && allowed.has(token)).toBe(true)
        expect(missingScopes(both, allowed)).toEqual([])
        expect(parseScope(formatScope(both))).toEqual(both)
      }),
    )
  })
})

describe('durations', () => {
  it('are whole numbers with one unit, of at most ten years', () => {
    expect(['30s', '5m', '12h', '90d', '0s'].map(parseDuration)).toEqual([30, 300, 43_200, 7_776_000, 0])
    for (const text of ['', '5', 'm', '5 m', '-5m', '1.5h', '5M', '1d12h', '4000d', '9999999999s'])
      expect(parseDuration(text), text).toBeUndefined()
  })
})

describe('ids', () => {
  it('are of the promised length and do not repeat', () => {
    expect(newUserId()).toMatch(/^usr_[\w-]{22}$/)
    expect(newGrantId()).toMatch(/^[\w-]{22}$/)
    expect(newDecisionId()).toMatch(/^dec_[\w-]{16}$/)
    expect(randomToken(32)).toMatch(/^[\w-]{43}$/)
    expect(randomToken(5000)).toHaveLength(6667)
    const many = Array.from({ length: 5000 }, () => [newGrantId(), newRequestId()]).flat()
    expect(new Set(many).size).toBe(many.length)
  })
})

describe('reserved paths', () => {
  it('cover every public path and what will come', () => {
    for (const path of Object.values(paths)) expect(isReserved(path), path).toBe(true)
    for (const path of [
      '/login/password',
      '/oauth/x',
      '/.well-known/anything',
      '/scim/v2/Users',
      '/console/',
      '/dev/inbox',
    ])
      expect(isReserved(path)).toBe(true)
    for (const path of [
      '/',
      '/orders',
      '/loginx',
      '/oauth',
      '/tokens',
      '/accounts',
      '/device-list',
      '/validate/x',
      '/Login',
    ])
      expect(isReserved(path), path).toBe(false)
  })

  it('are few on other hosts', () => {
    expect(isReserved('/login', reservedOnOtherHosts)).toBe(false)
    expect(isReserved('/_gatehouse/x', reservedOnOtherHosts)).toBe(true)
  })
})

describe('errors', () => {
  it('have a status and a sentence each, and hide what was not thrown on purpose', () => {
    for (const { status, description } of Object.values(errorCatalogue)) {
      expect(status).toBeGreaterThanOrEqual(400)
      expect(description).not.toMatch(/\.$/)
    }
    const own = new GatehouseError('invalid_grant', { cause: new Error('secret') })
    expect(asGatehouseError(own)).toBe(own)
    const foreign = asGatehouseError(new Error('SELECT * FROM users'))
    expect([foreign.code, foreign.message, (foreign.cause as Error).message]).toEqual([
      'server_error',
      'Something went wrong',
      'SELECT * FROM users',
    ])
  })
})

describe('the manual clock', () => {
  it('moves only when told, in both directions', () => {
    const clock = new ManualClock(100)
    clock.advance(1.5)
    expect([clock.now(), clock.milliseconds()]).toEqual([101, 101_500])
    clock.advance(-2)
    expect(clock.now()).toBe(99)
  })
})
