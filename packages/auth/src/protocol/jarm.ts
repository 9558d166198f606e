import type { Clock } from '@gatehouse/core/time'
import type { Client } from '../domain/clients.ts'
import { encryptFor } from '../domain/encrypt-for-client.ts'
import type { ClientKeys } from '../domain/find-client-keys.ts'
import { signJwtInPool } from '../domain/sign-jwt.ts'
import type { SigningKeys } from '../domain/signing-keys.ts'

export interface JarmDependencies {
  readonly issuer: string
  readonly clock: Clock
  readonly keys: Pick<SigningKeys, 'current'>
  readonly clientKeys: ClientKeys
}

/** Seconds that a signed answer is valid for. Spec: JARM section 2.1 recommends at most ten minutes. */
const answerLifetime = 300

/**
 * An authorization response as one signed JWT and, where the client is registered so, encrypted to it.
 * Spec: JWT Secured Authorization Response Mode sections 2.1 and 2.2. Cost: one signature.
 */
export async function buildSignedResponse(
  { issuer, clock, keys, clientKeys }: JarmDependencies,
  client: Client,
  parameters: Readonly<Record<string, string>>,
): Promise<string> {
  const { alg, encryption } = client.authorizationResponse
  const claims = { ...parameters, iss: issuer, aud: client.id, exp: clock.now() + answerLifetime }
  const signed = await signJwtInPool(keys.current(alg), 'JWT', claims)
  return encryption ? encryptFor(clientKeys, client, encryption, signed, 'JWT') : signed
}
