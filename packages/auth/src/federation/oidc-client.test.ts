import { generateKeyPairSync } from 'node:crypto'
import { importJWK, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { useOpenIdVisits } from '../testing/openid-visits.ts'

const visits = useOpenIdVisits()
const { create, signIn } = visits

describe('the client', () => {
  it('writes its id and secret as in a form: those that need no encoding also for who does not decode', async () => {
    const header = async (secret: string) => {
      await signIn({ provider: create({ authentication: { method: 'client_secret_basic', secret } }) })
      return atob(
        (visits.upstream.requests.findLast(({ path }) => path === '/token')?.headers.authorization ?? '').slice(6),
      )
    }
    expect(await header('a-secret_of.one*part')).toBe('gatehouse:a-secret_of.one*part')
    expect(await header('a+b/c:d%e f')).toBe('gatehouse:a%2Bb%2Fc%3Ad%25e+f')
  })

  it('proves itself by a signed assertion, whose key is described', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const decryptionKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
    const settings = { method: 'private_key_jwt', key: privateKey, alg: 'ES256' } as const
    const provider = create({ authentication: { ...settings, audience: 'issuer' }, decryptionKey })
    await signIn({ provider })
    const { keys } = JSON.parse((await provider.describe?.())?.text ?? '{}')
    expect(keys).toMatchObject([
      { kty: 'EC', use: 'sig', alg: 'ES256', kid: expect.any(String) },
      { kty: 'RSA', use: 'enc', kid: expect.any(String) },
    ])
    expect(keys.some((key: object) => 'd' in key)).toBe(false)
    const assertion = visits.upstream.requests.find(({ path }) => path === '/token')?.form.get('client_assertion') ?? ''
    const { payload, protectedHeader } = await jwtVerify(assertion, await importJWK(keys[0], 'ES256'))
    expect(payload).toMatchObject({ iss: 'gatehouse', sub: 'gatehouse', aud: visits.upstream.issuer })
    expect(protectedHeader.kid).toBe(keys[0].kid)
  })

  it('names the token endpoint in the assertion where the provider wants that', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const authentication = {
      method: 'private_key_jwt',
      key: privateKey,
      alg: 'RS256',
      audience: 'token_endpoint',
    } as const
    await signIn({ provider: create({ authentication }) })
    const assertion = visits.upstream.requests.find(({ path }) => path === '/token')?.form.get('client_assertion') ?? ''
    expect(JSON.parse(Buffer.from(assertion.split('.')[1] ?? '', 'base64url').toString()).aud).toBe(
      `${visits.upstream.issuer}/token`,
    )
  })

  it('signs a secret for Apple', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const audience = 'https://appleid.apple.com'
    const authentication = { method: 'signed_secret', key: privateKey, keyId: 'K1', teamId: 'T1', audience } as const
    await signIn({ provider: create({ authentication }) })
    const secret = visits.upstream.requests.find(({ path }) => path === '/token')?.form.get('client_secret') ?? ''
    const { payload, protectedHeader } = await jwtVerify(secret, publicKey, {
      audience,
      issuer: 'T1',
      subject: 'gatehouse',
    })
    expect(protectedHeader).toMatchObject({ alg: 'ES256', kid: 'K1' })
    expect(Number(payload.exp) - Number(payload.iat)).toBe(300)
  })
})
