import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { ManualClock } from '@gatehouse/core/time'
import { CompactSign } from 'jose'
import { describe, expect, it } from 'vitest'
import { parseClientKeys } from '../domain/client-keys.ts'
import { createClientKeys } from '../domain/find-client-keys.ts'
import { type RequestObjectClient, verifyRequestObject } from './request-object.ts'

const issuer = 'https://auth.example.com'
const clock = new ManualClock()
const now = clock.now()
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const other = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwks = { keys: [ec.publicKey.export({ format: 'jwk' }), rsa.publicKey.export({ format: 'jwk' })] }
const base = {
  id: 'web' as RequestObjectClient['id'],
  keys: parseClientKeys(jwks),
  jwks,
  jwksUri: undefined,
  requestObjectAlg: undefined,
  profile: undefined,
}
const good = { iss: 'web', aud: issuer, client_id: 'web', response_type: 'code' }

interface Made {
  readonly client?: Partial<RequestObjectClient>
  readonly claims?: object
  readonly header?: object
  readonly alg?: string
  readonly key?: KeyObject
  readonly payload?: string
}

const verify = async ({ client = {}, claims = {}, header = {}, alg = 'ES256', key, payload }: Made) => {
  const text = payload ?? JSON.stringify({ ...good, ...claims })
  const jwt = await new CompactSign(Buffer.from(text))
    .setProtectedHeader({ alg, ...header })
    .sign(key ?? (alg === 'ES256' ? ec.privateKey : rsa.privateKey))
  return verifyRequestObject({ clock, issuer, clientKeys: createClientKeys({}) }, { ...base, ...client }, jwt)
}

const fapi = { profile: 'fapi2' } as const
const times = { nbf: now, exp: now + 300 }

describe('a request object (RFC 9101)', () => {
  it('gives the parameters of the request as a query would', async () => {
    const claims = {
      exp: now + 60,
      iat: now,
      nbf: now,
      jti: 'j',
      max_age: 0,
      state: 'ünï %20',
      claims: { id_token: { sub: null } },
      authorization_details: [{ type: 'a' }],
      nothing: null,
      flag: true,
    }
    expect(await verify({ claims })).toEqual({
      client_id: 'web',
      response_type: 'code',
      max_age: '0',
      state: 'ünï %20',
      claims: '{"id_token":{"sub":null}}',
      authorization_details: '[{"type":"a"}]',
      flag: 'true',
    })
  })

  const accepted: Record<string, Made> = {
    'without a type': {},
    'of its own type': { header: { typ: 'oauth-authz-req+jwt' } },
    'of its own type, spelled out': { header: { typ: 'application/OAuth-Authz-Req+JWT' } },
    'of type JWT': { header: { typ: 'JWT' } },
    'signed with RS256': { alg: 'RS256' },
    'signed with the registered algorithm': { alg: 'PS256', client: { requestObjectAlg: 'PS256' } },
    'for several audiences': { claims: { aud: ['https://other', issuer] } },
    'without a client_id of its own': { claims: { client_id: undefined } },
    'of a clock that is ahead a little': { claims: { nbf: now + 10, iat: now + 10 } },
    'of the FAPI profile': { client: fapi, claims: times },
    'with a sub that is not the client': { claims: { sub: 'somebody' } },
    'with a character outside the first plane': { claims: { state: '\u{1f600}' } },
  }
  it.each(Object.entries(accepted))('is accepted %s', async (_, made) => {
    expect((await verify(made)).response_type).toBe('code')
  })

  const refused: Record<string, Made> = {
    'by another key': { key: other.privateKey },
    'by a key that it brings along': {
      key: other.privateKey,
      header: { jwk: other.publicKey.export({ format: 'jwk' }) },
    },
    'under an unknown kid': { header: { kid: 'x' } },
    'with another algorithm than the registered one': { alg: 'RS256', client: { requestObjectAlg: 'PS256' } },
    'with RS256 in the FAPI profile': { alg: 'RS256', client: fapi, claims: times },
    'that says it is an access token': { header: { typ: 'at+jwt' } },
    'that says it is a client assertion': { header: { typ: 'client-authentication+jwt' } },
    'of another issuer': { claims: { iss: 'other' } },
    'with a list as issuer': { claims: { iss: ['web'] } },
    'without an issuer': { claims: { iss: undefined } },
    'for another client': { claims: { client_id: 'other' } },
    'that would pass for a client assertion (section 10.8)': { claims: { sub: 'web' } },
    'that would pass for one, whatever it calls itself': {
      header: { typ: 'oauth-authz-req+jwt' },
      claims: { sub: 'web' },
    },
    'with half of a character in a text': { payload: JSON.stringify({ ...good, state: 'a\ud800' }) },
    'with the other half, in a parameter that nobody knows': { claims: { other: '\udc00' } },
    'for another server': { claims: { aud: 'https://other' } },
    'for a server whose name begins alike': { claims: { aud: `${issuer}.evil` } },
    'for nobody': { claims: { aud: undefined } },
    'that has expired': { claims: { exp: now } },
    'that is not valid yet': { claims: { nbf: now + 11 } },
    'of the future': { claims: { iat: now + 61 } },
    'with a time as text': { claims: { exp: String(now + 60) } },
    'with another one in it': { claims: { request: 'x' } },
    'with a request_uri in it': { claims: { request_uri: 'urn:x' } },
    'without exp in the FAPI profile': { client: fapi, claims: { nbf: now } },
    'without nbf in the FAPI profile': { client: fapi, claims: { exp: now + 60 } },
    'that is valid too long in the FAPI profile': { client: fapi, claims: { nbf: now, exp: now + 3601 } },
    'that was made too long ago in the FAPI profile': { client: fapi, claims: { nbf: now - 3601, exp: now + 1 } },
    'that names a parameter twice': { payload: `{"iss":"web","aud":"${issuer}","scope":"a","scope":"b"}` },
    'that is a list': { payload: '["web"]' },
    'behind a jwks_uri that cannot be fetched': { client: { jwksUri: 'https://web.example/jwks' } },
  }
  it.each(Object.entries(refused))('is refused %s', async (_, made) => {
    await expect(verify(made)).rejects.toMatchObject({ code: 'invalid_request_object', status: 400 })
  })

  it('is refused by its claims before its signature is checked', async () => {
    const forged = verify({ key: other.privateKey, claims: { exp: now } })
    const cause = new Error('request object: it expired 0 s ago: do the clocks differ?')
    await expect(forged).rejects.toMatchObject({ cause, message: 'The request object is not valid' })
    const signed = verify({ claims: { nbf: now + 45 } })
    const message = 'The request object does not count: its nbf is 45 s in the future: do the clocks differ?'
    await expect(signed).rejects.toMatchObject({ message })
    const early = verify({ key: other.privateKey, claims: { nbf: now + 45 } })
    await expect(early).rejects.toMatchObject({ message: 'The request object is not valid' })
  })

  it('is refused without a signature, and with a critical header', async () => {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const check = (jwt: string) => verifyRequestObject({ clock, issuer, clientKeys: createClientKeys({}) }, base, jwt)
    for (const alg of ['none', 'None', 'NONE']) {
      for (const signature of ['', 'AAAA'])
        await expect(check(`${part({ alg })}.${part(good)}.${signature}`)).rejects.toMatchObject({
          code: 'invalid_request_object',
        })
    }
    await expect(verify({ header: { b64: true, crit: ['b64'] } })).rejects.toMatchObject({
      code: 'invalid_request_object',
    })
  })
})
