import type { KeyObject } from 'node:crypto'
import type { Clock } from '@gatehouse/core/time'
import { SignJWT } from 'jose'
import * as client from 'openid-client'
import { importPrivateKey, keyIdOf } from './oauth-keys.ts'

/** How Gatehouse proves at a provider that it is the client it says. */
export type ClientAuthentication =
  | { readonly method: 'none' }
  | { readonly method: 'client_secret_basic' | 'client_secret_post'; readonly secret: string }
  | {
      readonly method: 'private_key_jwt'
      readonly key: KeyObject
      /** Such as ES256; what the key is made for. */
      readonly alg: string
      /** Whom the assertion is for: the issuer, unless the provider wants to read its token endpoint there. */
      readonly audience: 'issuer' | 'token_endpoint'
    }
  | SignedSecret

/** A secret that is itself a JWT, signed with a key that the provider has issued: Apple. */
export interface SignedSecret {
  readonly method: 'signed_secret'
  /** P-256. */
  readonly key: KeyObject
  readonly keyId: string
  readonly teamId: string
  readonly audience: string
}

const signedSecretSeconds = 300

/**
 * What openid-client proves us with.
 * Spec: RFC 6749 section 2.3.1; RFC 7523 section 2.2. Cost: one signature for each token request, for the methods that sign.
 */
export async function createClientAuthentication(how: ClientAuthentication, clock: Clock): Promise<client.ClientAuth> {
  switch (how.method) {
    case 'none':
      return client.None()
    case 'client_secret_basic':
      return (_, { client_id }, __, headers) => {
        headers.set('authorization', `Basic ${btoa(`${formEncode(client_id)}:${formEncode(how.secret)}`)}`)
      }
    case 'client_secret_post':
      return client.ClientSecretPost(how.secret)
    case 'private_key_jwt': {
      const key = { key: await importPrivateKey(how.key, how.alg), kid: await keyIdOf(how.key) }
      if (how.audience === 'issuer') return client.PrivateKeyJwt(key)
      return (server, ...rest) =>
        client.PrivateKeyJwt(key, {
          [client.modifyAssertion]: (_, payload) => {
            payload.aud = server.token_endpoint
          },
        })(server, ...rest)
    }
    case 'signed_secret': {
      const key = await importPrivateKey(how.key, 'ES256')
      // Whoever calls this waits for it, although the type of the function does not say so.
      return async (_, { client_id }, body) => {
        body.set('client_id', client_id)
        body.set('client_secret', await signSecret(how, key, { clientId: client_id, now: clock.now() }))
      }
    }
  }
}

/**
 * As in a form, which leaves `-`, `_`, `.` and `*` as they are. openid-client writes these as %2D and so on: the same after
 * decoding, but not for the many providers that never decode. Spec: RFC 6749 section 2.3.1.
 */
const formEncode = (text: string): string => new URLSearchParams([['', text]]).toString().slice(1)

const signSecret = (
  { keyId, teamId, audience }: SignedSecret,
  key: client.CryptoKey,
  { clientId, now }: { readonly clientId: string; readonly now: number },
): Promise<string> =>
  new SignJWT()
    .setProtectedHeader({ alg: 'ES256', kid: keyId })
    .setIssuer(teamId)
    .setSubject(clientId)
    .setAudience(audience)
    .setIssuedAt(now)
    .setExpirationTime(now + signedSecretSeconds)
    .sign(key)
