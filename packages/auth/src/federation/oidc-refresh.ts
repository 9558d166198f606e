import * as client from 'openid-client'
import { isRefusedGrant, isRefusedToken } from './oauth-failure.ts'
import { tokensOf } from './oauth-tokens.ts'
import { checkClaimRules, subjectOf } from './oidc-claims.ts'
import type { OidcContext } from './oidc-context.ts'
import type { DiscoveredProvider } from './oidc-discovery.ts'
import { describePerson } from './oidc-sign-in.ts'
import { askUserinfo } from './oidc-userinfo.ts'
import type { KnownIdentity, OutsideIdentity } from './provider.ts'
import { NothingToAskWith, ProviderFailure } from './provider-failure.ts'

/**
 * What the provider says of somebody by now: with the refresh token, or with an access token that still counts.
 * undefined = it takes neither any more. Spec: OpenID Connect Core 1.0 sections 12.1, 12.2.
 */
export async function refreshOidc(context: OidcContext, known: KnownIdentity): Promise<OutsideIdentity | undefined> {
  return askAgain(context, known).catch((error: unknown) => {
    // Whom the configuration lets in no more may not sign in: that is an answer, and no failure.
    if (error instanceof ProviderFailure && error.reason === 'refused') return undefined
    throw error
  })
}

async function askAgain(context: OidcContext, known: KnownIdentity): Promise<OutsideIdentity | undefined> {
  const { parts, discovery } = context
  const discovered = await discovery.get()
  const { refreshToken, accessToken, expiresAt } = known.tokens ?? {}
  if (refreshToken === undefined) {
    if (accessToken === undefined || (expiresAt !== undefined && expiresAt <= parts.clock.now())) {
      throw new NothingToAskWith('there is no refresh token to ask with: ask for one by request_scopes')
    }
    return askAbout(context, { discovered, known, accessToken })
  }
  const tokens = await client.refreshTokenGrant(discovered.configuration, refreshToken).catch((error: unknown) => {
    if (isRefusedGrant(error)) return undefined
    throw error
  })
  if (!tokens) return undefined
  const given = tokensOf(tokens, parts.clock, refreshToken)
  await known.keep?.(given)
  const identity =
    tokens.id_token === undefined
      ? await askAbout(context, { discovered, known, accessToken: tokens.access_token })
      : await describePerson(context, { discovered, tokens })
  if (identity && identity.subject !== known.subject) throw isSomebodyElse()
  return identity && { ...identity, tokens: given }
}

const isSomebodyElse = () => new ProviderFailure('invalid_answer', 'its tokens are somebody else’s by now')

/** Without an ID token there is userinfo, which nobody has signed: its subject has to be the one that is known. */
async function askAbout(
  { settings }: OidcContext,
  asked: { readonly discovered: DiscoveredProvider; readonly known: KnownIdentity; readonly accessToken: string },
): Promise<OutsideIdentity | undefined> {
  const { discovered, known, accessToken } = asked
  if (discovered.metadata.userinfo_endpoint === undefined) {
    throw new ProviderFailure(
      'misconfigured',
      'it gives no ID token when it is asked again, and has no userinfo endpoint',
    )
  }
  const claims = await askUserinfo(discovered.configuration, accessToken, client.skipSubjectCheck).catch(
    (error: unknown) => {
      if (isRefusedToken(error)) return undefined
      throw error
    },
  )
  if (!claims) return undefined
  if (subjectOf(claims, settings) !== known.subject) throw isSomebodyElse()
  checkClaimRules(claims, settings.claimRules)
  return { subject: known.subject, claims, ...(known.tokens ? { tokens: known.tokens } : {}) }
}
