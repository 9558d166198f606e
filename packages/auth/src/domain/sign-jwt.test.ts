import { decodeProtectedHeader, importJWK, type JWK, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type OpenedKeys, openKeys } from '../testing/open-keys.ts'
import { type SigningAlg, signingAlgs } from './make-signing-key.ts'
import { signJwt, signJwtInPool } from './sign-jwt.ts'

let opened: OpenedKeys
beforeAll(async () => {
  opened = await openKeys()
})
afterAll(() => opened.store.close())

const publicKeyOf = (alg: SigningAlg) => {
  const { kid } = opened.keys.current(alg)
  return importJWK(opened.keys.jwks().keys.find((jwk) => jwk.kid === kid) as JWK)
}

describe('a signed JWT', () => {
  it.each(signingAlgs)('of %s is verified by another library, with the published key', async (alg) => {
    for (const build of [signJwt, signJwtInPool]) {
      const jwt = await build(opened.keys.current(alg), 'JWT', { sub: 'ünï', list: [1] })
      const { payload, protectedHeader } = await jwtVerify(jwt, await publicKeyOf(alg), { algorithms: [alg] })
      expect(payload).toEqual({ sub: 'ünï', list: [1] })
      expect(protectedHeader).toEqual({ alg, typ: 'JWT', kid: opened.keys.current(alg).kid })
    }
  })

  it('has the header of its own type, whatever was signed before it', () => {
    const key = opened.keys.current()
    const types = ['JWT', 'at+jwt', 'JWT'].map((typ) => decodeProtectedHeader(signJwt(key, typ, {})).typ)
    expect(types).toEqual(['JWT', 'at+jwt', 'JWT'])
  })
})
