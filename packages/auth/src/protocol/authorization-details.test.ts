import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { narrowDetails } from '../domain/granted-details.ts'
import { newPkce, type ShownPage, TestBrowser } from '../testing/browser.ts'
import { basic, claimsOf, goodPassword, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { createAuthorizationDetails } from './authorization-details.ts'

const redirectUri = 'https://app.example.com/cb'
const types = {
  payment: {
    description: 'Pay somebody',
    schema: { properties: { amount: { type: 'string' }, to: { type: 'string' } }, required: ['amount'] },
  },
  files: { description: 'Read files', schema: { properties: { folder: {} } } },
}
const pay = { type: 'payment', amount: '5.00', to: '<b>Bob</b> & "Co"' }
const read = { type: 'files', folder: 'a' }

describe('the parameter authorization_details (RFC 9396 sections 2 and 5)', () => {
  const details = createAuthorizationDetails(() => types)
  const client = { authorizationDetailsTypes: new Set(['payment', 'files', 'undeclared']) }
  const check = (value: unknown) => details.check(typeof value === 'string' ? value : JSON.stringify(value), client)
  const nested = (depth: number): object => (depth === 0 ? {} : { x: nested(depth - 1) })

  it('is a list of objects of declared types, kept as it came', () => {
    expect(check([pay, read])).toEqual([pay, read])
    expect(details.describe([pay])).toEqual([{ detail: pay, description: 'Pay somebody' }])
  })

  it.each([
    ['no JSON', '['],
    ['an object', pay],
    ['an empty list', []],
    ['a list of texts', ['payment']],
    ['null in the list', [null]],
    ['no type', [{ amount: '1' }]],
    ['a type that is a number', [{ type: 1 }]],
    ['a type that is not declared', [{ type: 'undeclared' }]],
    ['a type that every object has', [{ type: 'toString' }]],
    ['an unknown member', [{ ...pay, extra: 1 }]],
    ['a member of another type', [{ ...pay, amount: 5 }]],
    ['a missing member', [{ type: 'payment' }]],
    ['one good and one bad', [pay, { type: 'x' }]],
    ['a member named twice', '[{"type":"payment","amount":"1","amount":"2"}]'],
    ['members that stand beside the list', '[{"type":"files"}],"list":[{"type":"files"}]'],
    ['another member beside the list', '[{"type":"files"}],"x":1'],
    ['a prototype', '[{"type":"files","folder":{"__proto__":{}}}]'],
    ['a constructor', [{ type: 'files', folder: { constructor: 1 } }]],
    ['more than twenty', Array.from({ length: 21 }, () => read)],
    ['more than fits into a token', [{ type: 'files', folder: 'x'.repeat(4096) }]],
    ['what is nested too deep', [{ type: 'files', folder: nested(8) }]],
    ['what is nested without end', `${'['.repeat(30_000)}${']'.repeat(30_000)}`],
  ])('is refused as %s', (_, value) => {
    expect(() => check(value)).toThrow(expect.objectContaining({ code: 'invalid_authorization_details' }))
  })

  it('is refused for a type that is not the client’s', () => {
    expect(() => details.check(JSON.stringify([pay]), { authorizationDetailsTypes: new Set(['files']) })).toThrow(
      expect.objectContaining({ code: 'invalid_authorization_details' }),
    )
  })
})

describe('narrowing what was granted (RFC 9396 section 6)', () => {
  it('gives all where nothing is asked, and never what differs or what comes once too often', () => {
    expect(narrowDetails(undefined, [pay, read])).toEqual([pay, read])
    expect(narrowDetails([{ folder: 'a', type: 'files' }], [pay, read])).toEqual([read])
    expect(narrowDetails([pay, pay], [pay, pay])).toEqual([pay, pay])
    for (const asked of [[pay, pay], [{ ...pay, amount: '5.0' }], [{ type: 'payment' }], [{ ...read, x: undefined }]]) {
      expect(narrowDetails(asked, [pay, read])).toBeUndefined()
    }
    expect(narrowDetails([pay], [])).toBeUndefined()
  })
})

describe('authorization_details on their way', () => {
  let started: StartedAuth
  let browser: TestBrowser
  beforeEach(async () => {
    const metadata = { redirect_uris: [redirectUri], authorization_details_types: ['payment', 'files'] }
    started = await startAuth({
      settings: { authorizationDetails: types },
      clients: [
        {
          id: 'web',
          secret: 'x-secret',
          grantTypes: ['authorization_code', 'refresh_token', 'client_credentials'],
          metadata,
        },
      ],
    })
    browser = new TestBrowser(started.url, issuer)
  })
  afterEach(() => started.close())

  const pkce = newPkce()
  const begin = (details: readonly object[]): Promise<ShownPage> =>
    browser.get(
      `/oauth/authorize?${new URLSearchParams({
        client_id: 'web',
        redirect_uri: redirectUri,
        response_type: 'code',
        scope: 'orders:read',
        code_challenge: pkce.challenge,
        code_challenge_method: 'S256',
        authorization_details: JSON.stringify(details),
      })}`,
    )
  const allow = (page: ShownPage): Promise<ShownPage> => browser.submit(page, { decision: 'allow' })
  const getCode = async (details: readonly object[]): Promise<string> => {
    const page = await begin(details)
    const consent = page.has('password') ? await browser.signIn(page, 'alice', goodPassword) : page
    return (consent.has('allow') ? await allow(consent) : consent).callback.get('code') ?? ''
  }
  const askToken = async (form: Record<string, string>) => {
    const response = await started.postForm('/oauth/token', form, basic('web', 'x-secret'))
    const body = (await response.json()) as Record<string, string>
    return { body, details: body.access_token && claimsOf(body.access_token).authorization_details }
  }
  const exchange = (code: string, asked?: readonly object[]) =>
    askToken({
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      code_verifier: pkce.verifier,
      ...(asked ? { authorization_details: JSON.stringify(asked) } : {}),
    })
  const refresh = (refresh_token: string, asked?: readonly object[]) =>
    askToken({
      grant_type: 'refresh_token',
      refresh_token,
      ...(asked ? { authorization_details: JSON.stringify(asked) } : {}),
    })

  it('are shown in the consent page as text, and asked about again when they differ', async () => {
    const consent = await browser.signIn(await begin([pay]), 'alice', goodPassword)
    expect(consent.text).toContain('Pay somebody')
    expect(consent.text).toContain('<dd>5.00</dd>')
    expect(consent.text).toContain('&lt;b&gt;Bob&lt;/b&gt; &amp; &quot;Co&quot;')
    expect(consent.text).not.toContain('<b>Bob')
    expect((await allow(consent)).callback.has('code')).toBe(true)
    expect((await begin([pay])).callback.has('code')).toBe(true)
    expect((await begin([{ ...pay, amount: '6.00' }])).has('allow')).toBe(true)
    expect((await begin([pay, read])).has('allow')).toBe(true)
  })

  it('come back as they were granted: all of them, or those that the client asks for', async () => {
    const all = await exchange(await getCode([pay, read]))
    expect(all.body.authorization_details).toEqual([pay, read])
    expect(all.details).toEqual([pay, read])
    const some = await exchange(await getCode([pay, read]), [read])
    expect(some.body.authorization_details).toEqual([read])
    expect(some.details).toEqual([read])
    // The grant keeps what the token does not have.
    const refreshed = await refresh(some.body.refresh_token ?? '')
    expect(refreshed.body.authorization_details).toEqual([pay, read])
  })

  it('do not grow at the code exchange, which uses the code up', async () => {
    const code = await getCode([pay])
    const more = await exchange(code, [pay, read])
    expect(more.body.error).toBe('invalid_authorization_details')
    expect((await exchange(code)).body.error).toBe('invalid_grant')
    expect((await exchange(await getCode([pay]), [{ ...pay, amount: '500.00' }])).body.error).toBe(
      'invalid_authorization_details',
    )
  })

  it('do not grow at a refresh, which then leaves the refresh token as it was', async () => {
    const { body } = await exchange(await getCode([pay]))
    const token = body.refresh_token ?? ''
    for (const asked of [[pay, read], [pay, pay], [{ ...pay, to: 'me' }], [{ type: 'unknown' }]]) {
      expect((await refresh(token, asked)).body.error).toBe('invalid_authorization_details')
    }
    const good = await refresh(token, [pay])
    expect(good.details).toEqual([pay])
    expect(good.body.authorization_details).toEqual([pay])
  })

  it('are given to a client on its own behalf, of the types that it may ask for', async () => {
    const ask = (details: readonly object[]) =>
      askToken({ grant_type: 'client_credentials', authorization_details: JSON.stringify(details) })
    const { body, details } = await ask([read])
    expect(details).toEqual([read])
    expect(body.authorization_details).toEqual([read])
    expect((await ask([{ type: 'unknown' }])).body.error).toBe('invalid_authorization_details')
    const none = await askToken({ grant_type: 'client_credentials' })
    expect(none.body).not.toHaveProperty('authorization_details')
  })
})
