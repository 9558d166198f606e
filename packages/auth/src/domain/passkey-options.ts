import type { FactorRow, UserRow } from '@gatehouse/store/rows'
import * as Type from 'typebox'
import { challengeLifetime } from './passkey-challenges.ts'

/** For whom passkeys are: the issuer's host, and the one origin that they count on. */
export interface RelyingParty {
  readonly id: string
  readonly origin: string
  /** What authenticators show of it. */
  readonly name: string
}

/** A credential as browsers are told of it. Spec: WebAuthn Level 3 section 5.8.3. */
const descriptorSchema = Type.Object({
  type: Type.Literal('public-key'),
  id: Type.String({ description: 'base64url' }),
  transports: Type.Optional(Type.Array(Type.String())),
})
type Descriptor = Type.Static<typeof descriptorSchema>

/** What `navigator.credentials.create` is asked for, as JSON. Spec: WebAuthn Level 3 section 5.4. */
export interface CreationOptions {
  readonly rp: { readonly id: string; readonly name: string }
  readonly user: { readonly id: string; readonly name: string; readonly displayName: string }
  readonly challenge: string
  readonly pubKeyCredParams: readonly { readonly type: 'public-key'; readonly alg: number }[]
  readonly timeout: number
  readonly excludeCredentials: readonly Descriptor[]
  readonly authenticatorSelection: Readonly<Record<string, string | boolean>>
  readonly attestation: 'none'
}

/** What `navigator.credentials.get` is asked for, as JSON. Spec: WebAuthn Level 3 section 5.5. */
export const requestOptionsSchema = Type.Object({
  challenge: Type.String({ description: 'base64url; good for five minutes and one answer' }),
  timeout: Type.Integer({ description: 'Milliseconds' }),
  rpId: Type.String(),
  allowCredentials: Type.Array(descriptorSchema, { description: 'Empty: any' }),
  userVerification: Type.Union([Type.Literal('required'), Type.Literal('preferred')]),
})
export type RequestOptions = Type.Static<typeof requestOptionsSchema>

/** COSE algorithms of the keys that are taken: EdDSA, ES256, RS256. */
export const passkeyAlgorithms: readonly number[] = [-8, -7, -257]

const timeout = challengeLifetime * 1000

/** The relying party of an issuer. */
export function relyingPartyOf(issuer: string): RelyingParty {
  const { hostname, origin, host } = new URL(issuer)
  return { id: hostname, origin, name: host }
}

/** What an authenticator knows a user by: no name, and for ever the same. Spec: WebAuthn Level 3 section 14.6.1. */
export const userHandleOf = ({ id }: Pick<UserRow, 'id'>): string => Buffer.from(id).toString('base64url')

const describe = ({ credential_id, transports }: FactorRow): Descriptor => ({
  type: 'public-key',
  id: credential_id ?? '',
  ...(transports === '' ? {} : { transports: transports.split(' ') }),
})

/**
 * A passkey that signs in by itself: one that is found without a name, and that checks who holds it. Those that the user has
 * are left out, so that one device does not get two.
 */
export const creationOptions = (
  { id, name }: RelyingParty,
  user: Pick<UserRow, 'id' | 'username'>,
  passkeys: readonly FactorRow[],
  challenge: string,
): CreationOptions => ({
  rp: { id, name },
  user: { id: userHandleOf(user), name: user.username, displayName: user.username },
  challenge,
  pubKeyCredParams: passkeyAlgorithms.map((alg) => ({ type: 'public-key', alg })),
  timeout,
  excludeCredentials: passkeys.map(describe),
  authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
  attestation: 'none',
})

/** Any passkey of this site that checks who holds it or, beside a password, one of these. */
export const requestOptions = (
  { id }: RelyingParty,
  passkeys: readonly FactorRow[] | undefined,
  challenge: string,
): RequestOptions => ({
  challenge,
  timeout,
  rpId: id,
  allowCredentials: (passkeys ?? []).map(describe),
  userVerification: passkeys === undefined ? 'required' : 'preferred',
})
