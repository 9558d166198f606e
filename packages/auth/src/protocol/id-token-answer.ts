import type { ClientId } from '@gatehouse/core/brand'
import { parseScope } from '@gatehouse/core/scope'
import { seconds } from '@gatehouse/core/time'
import type { GrantRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'
import type { Client } from '../domain/clients.ts'
import type { IdTokens } from '../domain/id-tokens.ts'
import type { Subjects } from '../domain/subjects.ts'
import { type ClaimsParameter, claimsOf, findMembership } from '../domain/user-claims.ts'

/** Seconds that an ID token is valid: it says what was, and is read once. */
const idTokenLifetime = seconds(300)

export interface IdTokenDependencies {
  readonly store: Pick<Store, 'users' | 'memberships'>
  readonly idTokens: IdTokens
  readonly subjects: Subjects
}

/** What an ID token says of a sign-in, and is bound to. */
export interface IdTokenParts {
  readonly nonce?: string | undefined
  readonly accessToken?: string | undefined
  readonly code?: string | undefined
  readonly state?: string | undefined
}

type SignedIn = Pick<
  GrantRow,
  'user_id' | 'session_id' | 'scope' | 'claims' | 'auth_time' | 'acr' | 'amr' | 'organisation_id'
> & { readonly client_id: ClientId }

/**
 * Sees to it that the ID token which {@link idTokenFor} will make can be encrypted, where it is to be: what a token is got for is good once,
 * and is not to be used up for an answer that nobody can make. Errors: as `idTokens.prepare`.
 */
export async function prepareIdToken(
  { idTokens }: Pick<IdTokenDependencies, 'idTokens'>,
  client: Client,
  scope: string,
): Promise<void> {
  if (client.idToken.encryption && parseScope(scope)?.has('openid')) await idTokens.prepare(client)
}

/**
 * The ID token for what was granted; `undefined` where the scope `openid` was not. Claims about the user are read only where
 * they were asked for by name: what the scope gives, userinfo tells (OpenID Connect Core section 5.4). For which organisation
 * they act belongs to the sign-in itself: `org` stands here by its scope. Cost: one signature, at most two reads.
 */
export async function idTokenFor(
  { store, idTokens, subjects }: IdTokenDependencies,
  client: Client,
  signedIn: SignedIn,
  parts: IdTokenParts,
): Promise<string | undefined> {
  const granted = parseScope(signedIn.scope)
  if (!granted?.has('openid')) return undefined
  // The column is written from a checked parameter.
  const asked = signedIn.claims === null ? undefined : (JSON.parse(signedIn.claims) as ClaimsParameter).id_token
  const user = asked ? await store.users.findById(signedIn.user_id) : undefined
  const { organisation_id: org } = signedIn
  const membership = user && org !== null ? await findMembership({ store }, user.id, org) : undefined
  return idTokens.issue({
    client,
    sub: subjects.subjectFor(client, signedIn.user_id),
    sid: subjects.sessionFor(client, signedIn.session_id),
    authTime: signedIn.auth_time,
    acr: signedIn.acr,
    amr: signedIn.amr.split(' '),
    claims: {
      ...(org !== null && granted.has('organization') ? { org } : {}),
      ...(user && claimsOf({ user, membership }, '', asked)),
    },
    lifetime: idTokenLifetime,
    ...parts,
  })
}
