import { expect, it } from 'vitest'
import { describeAsked, findClaimedClient } from './describe-asked.ts'

const asked = (parts: { body?: unknown; query?: string; authorization?: string }) => ({
  ...{ requestId: 'req_1', method: 'POST', path: '/oauth/token', address: '192.0.2.1', body: parts.body },
  query: parts.query ?? '',
  headers: parts.authorization === undefined ? {} : { authorization: parts.authorization },
})
const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`

it('a request is described by what it asks for, and by nothing that proves somebody', () => {
  const body = {
    ...{ grant_type: 'password', scope: 'a b', username: 'alice', password: 'secret', client_secret: 'secret' },
    ...{ code: 'secret', refresh_token: 'secret', state: 'secret', login_hint: 'alice@example.com', redirect_uri: 7 },
  }
  expect(describeAsked(asked({ body }))).toBe('grant_type=password scope=a b')
  expect(describeAsked(asked({ query: 'response_type=code&scope=a%20b&state=secret' }))).toBe(
    'response_type=code scope=a b',
  )
  expect(describeAsked(asked({ body: 'no form' }))).toBe('')
  expect(describeAsked(asked({ body: { scope: 'x'.repeat(1000) } }))).toHaveLength('scope='.length + 200)
})

it.each([
  [{ body: { client_id: 'web' } }, 'web'],
  [{ query: 'client_id=web' }, 'web'],
  [{ authorization: basic('web:secret') }, 'web'],
  [{ authorization: basic('service%3Aorders:secret') }, 'service:orders'],
  [{ authorization: basic('%zz:secret') }, ''],
  [{ authorization: basic('no colon') }, ''],
  [{ authorization: 'Bearer secret' }, ''],
  // Put the wrong way round.
  [{ authorization: basic(`${'s'.repeat(43)}:web`) }, '(what looks like a secret)'],
  [{ body: { client_id: 's'.repeat(43) } }, '(what looks like a secret)'],
  [{}, ''],
])('the client that %j says to be from is %j', (parts, client) => {
  expect(findClaimedClient(asked(parts))).toBe(client)
})
