import type { ClientId } from '@gatehouse/core/brand'
import type { VerifiedToken } from '@gatehouse/core/contracts'
import { seconds } from '@gatehouse/core/time'
import type { AskedRequest } from '@gatehouse/gateway/authorize/asked-request'
import { checkRequirement } from '@gatehouse/gateway/authorize/check-requirement'
import { buildRequirement } from '@gatehouse/gateway/authorize/requirement'
import { beforeAll, describe, expect, it } from 'vitest'
import { compileCondition, loadRuleCompiler } from './rule-compiler.ts'

beforeAll(loadRuleCompiler)

const token: VerifiedToken = {
  claims: {
    ...{ iss: 'i', sub: 'usr_1', aud: 'i', exp: seconds(2_000_000_000), iat: seconds(1_700_000_000), jti: 'j' },
    ...{
      client_id: 'web' as ClientId,
      scope: 'a b',
      org: 'org_1',
      auth_time: seconds(1_700_000_000),
      roles: ['clerk'],
    },
  },
  ...{ typ: 'at+jwt', kid: 'k', audiences: ['i'], scopes: new Set(['a', 'b']), roles: new Set(['clerk']), memo: {} },
}
const asked: AskedRequest = {
  ...{ token, now: 1_700_000_100_000, method: 'GET', host: 'h', path: '/orgs/org_1', query: 'a=1&b=1&b=2' },
  findAddress: () => '10.0.0.1',
}

/** What becomes of the request under a condition: undefined where it is let through. */
function outcome(text: string, request = asked): string | undefined {
  const compiled = compileCondition(text, ['org'])
  if (typeof compiled === 'string') throw new Error(compiled)
  const requirement = buildRequirement({ caller: 'optional', when: [compiled] })
  return checkRequirement(requirement, [{ name: 'org', index: 1 }], request)?.reason
}

describe('a condition', () => {
  it.each([
    'principal.org == path.org',
    '"clerk" in principal.roles && principal.scopes.exists(scope, scope == "b")',
    'request.method == "GET" && request.path.startsWith("/orgs/") && request.host == "h"',
    'request.query.a == "1" && !has(request.query.c)',
    'now - principal.auth_time < duration("5m")',
    'now.getHours("UTC") == 22',
    'principal.claims.org == "org_1" && principal.claims.exp > 1999999999.0',
    'request.address == "10.0.0.1"',
    '!has(principal.acr)',
    '[request][0].query.a == "1" && [request][0].address == "10.0.0.1"',
    'principal.roles.exists(path, path == "clerk")',
  ])('lets through: %s', (text) => {
    expect(outcome(text)).toBeUndefined()
  })

  it.each([
    ['principal.org != path.org', /^this is false/],
    ['principal.acr == "strong"', /^this has no value \(No such key: acr\)/],
    ['request.query.b == "1"', /more than once/],
    ['!has(request.query.b)', /more than once/],
    ['!("b" in request.query)', /more than once/],
    ['request.query.constructor == "x"', /No such key/],
    ['principal.claims.org', /^this is neither true nor false/],
  ])('does not let through: %s', (text, reason) => {
    expect(outcome(text)).toMatch(reason)
  })

  it('does not let through who sends parameters that are named like parts of JavaScript', () => {
    const ask = (query: string) => outcome('!has(request.query.b)', { ...asked, query })
    expect(ask('a=1')).toBeUndefined()
    expect(ask('a=1&constructor=x')).toMatch(/has no value/)
    expect(ask('a=1&__proto__=x')).toBeUndefined()
    expect(outcome('request.query["__proto__"] == "x"', { ...asked, query: '__proto__=x' })).toBeUndefined()
  })

  it('does not let anybody through where there is nobody to ask about', () => {
    expect(outcome('principal.org == path.org', { ...asked, token: undefined })).toMatch(/No such key: org/)
    expect(outcome('!has(principal.org)', { ...asked, token: undefined })).toBeUndefined()
  })

  it.each([
    ['principal.orgg == "x"', 'cannot be used: No such key: orgg'],
    ['path.id == "x"', 'cannot be used: No such key: id'],
    ['request.headers.host == "x"', 'cannot be used: No such key: headers'],
    ['principal.org', 'cannot be used: it is a string, and only true or false decides'],
    ['user.name == "x"', /Unknown variable: user/],
    ['principal.sub == 1', /no such overload/i],
    ['principal.sub ==', /cannot be used/],
    ['request.path.matches("^(a+)+$")', /cannot be used: matches is not possible here/],
  ])('is refused when it is read: %s', (text, message) => {
    expect(compileCondition(text, ['org'])).toEqual(
      typeof message === 'string' ? message : expect.stringMatching(message),
    )
  })

  it('cannot name what the pattern does not', () => {
    expect(compileCondition('path.org == "x"', [])).toMatch(/Unknown variable: path/)
  })
})
