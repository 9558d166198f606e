import * as client from 'openid-client'
import type { OidcContext } from './oidc-context.ts'
import type { Going, Leaving } from './provider.ts'

/** Where a browser signs out at the provider. Spec: OpenID Connect RP-Initiated Logout 1.0 section 2. */
export async function signOutOidc({ discovery }: OidcContext, leaving: Leaving): Promise<Going | undefined> {
  const { configuration, metadata } = await discovery.get()
  if (metadata.end_session_endpoint === undefined) return undefined
  const { idToken } = leaving.memory
  const url = client.buildEndSessionUrl(configuration, {
    ...(typeof idToken === 'string' ? { id_token_hint: idToken } : {}),
    post_logout_redirect_uri: leaving.comeBackTo,
    state: leaving.state,
  })
  return { url: url.href }
}
