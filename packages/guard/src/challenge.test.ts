import { expect, it } from 'vitest'
import { buildChallenge } from './challenge.ts'
import { GuardRefusal } from './refusal.ts'

const realm = 'https://api.example.com/orders'

it('a request without credentials gets a challenge without an error', () => {
  const refusal = new GuardRefusal('no_credentials', { realm })
  expect(refusal).toMatchObject({ code: 'credentials_required', status: 401, challenge: `Bearer realm="${realm}"` })
  expect(refusal.toJSON()).toEqual({ error: 'credentials_required', error_description: 'Authentication is required' })
})

it('a bad token is 401 invalid_token, whatever is wrong with it, and the description does not say what', () => {
  for (const reason of ['malformed', 'bad_signature', 'expired', 'revoked', 'wrong_audience', 'unknown_key'] as const) {
    const refusal = new GuardRefusal(reason, { realm })
    expect(refusal).toMatchObject({ code: 'invalid_token', status: 401, reason })
    expect(refusal.challenge).toBe(
      `Bearer realm="${realm}", error="invalid_token", error_description="The access token is invalid, expired or revoked"`,
    )
  }
})

it('too little scope is 403 and names the scope that would do', () => {
  const refusal = new GuardRefusal('insufficient_scope', { realm, wanted: { scope: 'a b' } })
  expect(refusal).toMatchObject({ code: 'insufficient_scope', status: 403 })
  expect(refusal.challenge).toContain('error="insufficient_scope"')
  expect(refusal.challenge).toMatch(/, scope="a b"$/)
})

it('what no better token would change is 503, without a challenge, with a time to come back', () => {
  for (const reason of ['not_ready', 'keys_unavailable', 'introspection_unavailable'] as const) {
    const refusal = new GuardRefusal(reason, { realm, cause: new Error('secret detail') })
    expect(refusal).toMatchObject({ code: 'temporarily_unavailable', status: 503, challenge: '' })
    expect(refusal.details.retryAfter).toBe(5)
    expect(JSON.stringify(refusal)).not.toContain('secret')
  }
})

it('nothing breaks out of a quoted string', () => {
  expect(buildChallenge('a"b\\c\r\nd\u00e9')).toBe('Bearer realm="a?b?c??d?"')
})
