import type { Clock } from '@gatehouse/core/time'
import type { Client } from '../domain/clients.ts'
import { encryptFor } from '../domain/encrypt-for-client.ts'
import type { ClientKeys } from '../domain/find-client-keys.ts'
import { signJwtInPool } from '../domain/sign-jwt.ts'
import type { SigningKeys } from '../domain/signing-keys.ts'

/** The `typ` of an introspection answer, and with `application/` before it its content type. Spec: RFC 9701 section 5. */
export const introspectionJwtType = 'token-introspection+jwt'

export interface IntrospectionJwtDependencies {
  readonly issuer: string
  readonly clock: Clock
  readonly keys: Pick<SigningKeys, 'current'>
  readonly clientKeys: ClientKeys
}

/** Whether an answer is wanted as a JWT: by this request, or by how the client is registered. Spec: RFC 9701 section 4. */
export const wantsIntrospectionJwt = ({ introspection }: Client, accept: string | undefined): boolean =>
  introspection.alg !== undefined ||
  introspection.encryption !== undefined ||
  (accept?.includes(introspectionJwtType) ?? false)

/**
 * An introspection answer as a signed JWT and, where the client is registered so, encrypted to it. It has neither `sub` nor
 * `exp` of its own, and a `typ` that no access token has. Spec: RFC 9701 section 5. Cost: one signature.
 * Stops: the answer used in place of the token (RFC 9701 section 8.1).
 */
export async function buildIntrospectionJwt(
  { issuer, clock, keys, clientKeys }: IntrospectionJwtDependencies,
  client: Client,
  answer: object,
): Promise<string> {
  // RS256 is none of the profile's algorithms.
  const { alg = client.profile === 'fapi2' ? 'ES256' : 'RS256', encryption } = client.introspection
  const claims = { iss: issuer, aud: client.id, iat: clock.now(), token_introspection: answer }
  const signed = await signJwtInPool(keys.current(alg), introspectionJwtType, claims)
  return encryption ? encryptFor(clientKeys, client, encryption, signed, 'JWT') : signed
}
