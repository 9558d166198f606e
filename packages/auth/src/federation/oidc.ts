import { throughDoor, toProviderFailure } from './oauth-failure.ts'
import { buildKeySet } from './oauth-keys.ts'
import { createDiscovery } from './oidc-discovery.ts'
import { examineOidc } from './oidc-examine.ts'
import { receiveLogoutToken } from './oidc-logout.ts'
import { refreshOidc } from './oidc-refresh.ts'
import type { OidcSettings } from './oidc-settings.ts'
import { finishOidc, startOidc } from './oidc-sign-in.ts'
import { signOutOidc } from './oidc-sign-out.ts'
import type { Provider, ProviderParts } from './provider.ts'

/**
 * An OpenID provider, by the authorization code flow with PKCE, `state` and `nonce`.
 * Spec: OpenID Connect Core 1.0 section 3.1; Discovery 1.0; Back-Channel Logout 1.0; RP-Initiated Logout 1.0; RFC 9207.
 * Cost: a document an hour, keys as they change; for each sign-in one token request and one to userinfo.
 */
export function createOidcProvider(parts: ProviderParts, settings: OidcSettings): Provider {
  const discovery = createDiscovery(parts, settings)
  const context = { parts, settings, discovery }
  const { authentication, decryptionKey } = settings
  const signing = authentication.method === 'private_key_jwt' ? authentication : undefined

  return {
    redirect: {
      start: (begin) => throughDoor(() => startOidc(context, begin)),
      finish: (answer) => throughDoor(() => finishOidc(context, answer)),
    },
    ...(settings.keepTokens ? { refresh: (known) => throughDoor(() => refreshOidc(context, known)) } : {}),
    receiveLogout: (message) => throughDoor(() => receiveLogoutToken(context, message)),
    signOut: (leaving) => throughDoor(() => signOutOidc(context, leaving)),
    ...(signing || decryptionKey
      ? {
          describe: async () => {
            const set = await buildKeySet({ signing, decryption: decryptionKey }).catch((error: unknown) => {
              throw toProviderFailure(error)
            })
            return { type: 'application/jwk-set+json', text: JSON.stringify(set) }
          },
        }
      : {}),
    examine: () => examineOidc(context),
    close() {},
  }
}
