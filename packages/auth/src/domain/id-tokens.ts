import { createHash } from 'node:crypto'
import type { Seconds } from '@gatehouse/core/brand'
import type { JsonObject } from '@gatehouse/core/json'
import type { Clock } from '@gatehouse/core/time'
import type { AnswerEncryption } from './client-settings.ts'
import { encryptFor } from './encrypt-for-client.ts'
import type { ClientKeys, KeyedClient } from './find-client-keys.ts'
import type { SigningAlg } from './make-signing-key.ts'
import { signJwtInPool } from './sign-jwt.ts'
import type { SigningKeys } from './signing-keys.ts'

/** What an ID token is to say, and to whom. */
export interface IdTokenSubject {
  readonly client: KeyedClient & {
    readonly idToken: { readonly alg: SigningAlg; readonly encryption?: AnswerEncryption | undefined }
  }
  /** As this client knows the user: pairwise where it is registered so. */
  readonly sub: string
  readonly sid?: string | undefined
  readonly nonce?: string | undefined
  readonly authTime: Seconds
  readonly acr?: string | undefined
  readonly amr?: readonly string[] | undefined
  /** What is issued beside it; each is bound by a hash. */
  readonly accessToken?: string | undefined
  readonly code?: string | undefined
  readonly state?: string | undefined
  /** Claims about the user; none of them replaces one of the protocol. */
  readonly claims?: JsonObject | undefined
  readonly lifetime: Seconds
}

/** Issues ID tokens. */
export interface IdTokens {
  /**
   * An ID token, signed as the client is registered and, where it is, encrypted to its key.
   * Spec: OpenID Connect Core sections 2, 3.1.3.6 and 3.3.2.11.
   * Cost: one signature, RS256 on the thread pool; encrypting may fetch the client's keys. Errors: as {@link IdTokens.prepare}.
   */
  issue(subject: IdTokenSubject): Promise<string>
  /**
   * Sees to it that there is a key to encrypt to, for a client whose ID tokens are: before something is used up for one. Errors:
   * `invalid_client` where it has none, `temporarily_unavailable` where its key set cannot be fetched.
   */
  prepare(client: IdTokenSubject['client']): Promise<void>
}

interface Dependencies {
  readonly issuer: string
  readonly clock: Clock
  readonly keys: Pick<SigningKeys, 'current'>
  readonly clientKeys: ClientKeys
}

export function createIdTokens({ issuer, clock, keys, clientKeys }: Dependencies): IdTokens {
  return {
    async issue(subject) {
      const { client, accessToken, code, state } = subject
      const { alg, encryption } = client.idToken
      const now = clock.now()
      const hashed = (value: string | undefined): string | undefined =>
        value === undefined ? undefined : hashHalf(alg, value)
      const signed = await signJwtInPool(keys.current(alg), idTokenType, {
        ...subject.claims,
        iss: issuer,
        sub: subject.sub,
        aud: client.id,
        exp: now + subject.lifetime,
        iat: now,
        auth_time: subject.authTime,
        nonce: subject.nonce,
        sid: subject.sid,
        acr: subject.acr,
        amr: subject.amr,
        at_hash: hashed(accessToken),
        c_hash: hashed(code),
        s_hash: hashed(state),
      })
      return encryption ? encryptFor(clientKeys, client, encryption, signed, 'JWT') : signed
    },

    async prepare(client) {
      if (client.idToken.encryption) await clientKeys.getEncryptionKey(client, client.idToken.encryption.alg)
    },
  }
}

/** JOSE `typ` of an ID token: never that of an access token. Spec: RFC 7519 section 5.1. */
const idTokenType = 'JWT'

/**
 * The left half of the hash that goes with a signature algorithm, base64url: 16 bytes of SHA-256, or 32 of SHA-512 for
 * Ed25519. Spec: OpenID Connect Core section 3.1.3.6.
 */
export function hashHalf(alg: SigningAlg, value: string): string {
  const hash = createHash(alg === 'EdDSA' ? 'sha512' : 'sha256')
    .update(value)
    .digest()
  return hash.subarray(0, hash.length / 2).toString('base64url')
}
