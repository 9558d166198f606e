import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { type JWTHeaderParameters, SignJWT } from 'jose'
import { issuer } from './provider.ts'

/** A client's key pair and the JWTs that it makes of it. */
export interface ClientKeys {
  readonly jwks: { readonly keys: readonly object[] }
  readonly privateKey: KeyObject
  /** Signs claims as they are. */
  sign(claims: Record<string, unknown>, header?: Partial<JWTHeaderParameters>): Promise<string>
  /** A client assertion, good but for what is given, as the form's parameters. Spec: RFC 7523 section 2.2. */
  assertion(id: string, now: number, claims?: Record<string, unknown>): Promise<Record<string, string>>
}

let number = 0

/** A new P-256 pair, or an RSA one for algorithms that need it. */
export function createClientKeys(alg: 'ES256' | 'PS256' | 'RS256' = 'ES256'): ClientKeys {
  const { publicKey, privateKey } =
    alg === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  const sign: ClientKeys['sign'] = (claims, header = {}) =>
    new SignJWT(claims).setProtectedHeader({ alg, ...header }).sign(privateKey)
  return {
    jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), alg, use: 'sig', kid: 'client-key' }] },
    privateKey,
    sign,
    async assertion(id, now, claims = {}) {
      number += 1
      const all = { iss: id, sub: id, aud: issuer, iat: now, exp: now + 60, jti: `assertion-${number}`, ...claims }
      return {
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: await sign(all, { kid: 'client-key' }),
      }
    },
  }
}
