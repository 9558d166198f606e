import { throughDoor } from './oauth-failure.ts'
import type { OidcContext } from './oidc-context.ts'
import { documentOf } from './oidc-discovery.ts'
import { goodAlgs } from './oidc-settings.ts'
import type { Finding } from './provider.ts'
import { ProviderFailure } from './provider-failure.ts'

/** Seconds by which clocks may differ before tokens are refused for it. */
const worryingDifference = 30

/** Looks at an OpenID provider from outside: its document, its keys, its clock, and what sign-in needs of it. */
export async function* examineOidc({ parts, settings, discovery }: OidcContext): AsyncGenerator<Finding> {
  const found = await throughDoor(() => discovery.get(0)).catch((error: unknown) => error)
  if (found instanceof ProviderFailure) {
    yield { what: 'document', state: 'wrong', says: `${documentOf(settings.issuer)}: ${found.detail}` }
    return
  }
  const { metadata, keys } = await discovery.get()
  yield { what: 'document', state: 'ok', says: `${documentOf(settings.issuer)} is there and names this issuer` }

  const set = await throughDoor(() => keys(0)).catch((error: unknown) => error)
  yield set instanceof ProviderFailure
    ? { what: 'keys', state: 'wrong', says: set.detail }
    : judgeKeys((set as Awaited<ReturnType<typeof keys>>).keys) // nothing else comes through a door

  yield judgeAlgs(metadata.id_token_signing_alg_values_supported, settings.idTokenAlg)
  yield judgeMethod(metadata.token_endpoint_auth_methods_supported, settings.authentication.method)
  yield judgePkce(metadata.code_challenge_methods_supported)
  yield await judgeClock(parts, settings.issuer)
}

function judgeKeys(keys: readonly { readonly kty?: string; readonly use?: string }[]): Finding {
  const usable = keys.filter(({ kty, use }) => ['RSA', 'EC', 'OKP'].includes(kty ?? '') && (use ?? 'sig') === 'sig')
  return usable.length > 0
    ? { what: 'keys', state: 'ok', says: `${usable.length} that ID tokens can be signed with` }
    : { what: 'keys', state: 'wrong', says: 'none of its keys can sign ID tokens' }
}

function judgeAlgs(listed: unknown, wanted: string | undefined): Finding {
  const algs: readonly unknown[] = Array.isArray(listed) ? listed : []
  const what = 'ID tokens'
  if (wanted === undefined) {
    return algs.length > 0
      ? { what, state: 'ok', says: `signed with ${algs.join(', ')}` }
      : { what, state: 'wrong', says: `it signs with nothing that is taken: ${goodAlgs.join(', ')}` }
  }
  return algs.includes(wanted)
    ? { what, state: 'ok', says: `signed with ${wanted}` }
    : { what, state: 'wrong', says: `id_token_signed_response_alg is ${wanted}, and it has ${algs.join(', ')}` }
}

/** Spec: OpenID Connect Discovery 1.0 section 3: without a list it is client_secret_basic. */
function judgeMethod(listed: unknown, method: string): Finding {
  const methods: readonly unknown[] = Array.isArray(listed) ? listed : ['client_secret_basic']
  const what = 'client'
  const asked = method === 'signed_secret' ? 'client_secret_post' : method
  return methods.includes(asked)
    ? { what, state: 'ok', says: `it takes ${asked}` }
    : {
        what,
        state: 'warning',
        says: `it lists ${methods.join(', ')} and not ${asked}: set auth_method to one of them`,
      }
}

function judgePkce(listed: unknown): Finding {
  const isListed = Array.isArray(listed) && listed.includes('S256')
  return isListed
    ? { what: 'PKCE', state: 'ok', says: 'it takes S256' }
    : { what: 'PKCE', state: 'warning', says: 'it does not say that it checks S256; nonce and state guard codes then' }
}

async function judgeClock({ outbound, clock }: OidcContext['parts'], issuer: string): Promise<Finding> {
  const what = 'clock'
  const answer = await outbound
    .fetch(documentOf(issuer), { accept: ['application/json'], limitBytes: 256 * 1024 })
    .catch(() => undefined)
  const date = Date.parse(answer?.headers.date ?? '')
  if (Number.isNaN(date)) return { what, state: 'warning', says: 'it does not say what time it is' }
  const difference = Math.round(date / 1000 - clock.now())
  return Math.abs(difference) > worryingDifference
    ? { what, state: 'wrong', says: `it is ${difference} s off from ours: set both by a time server` }
    : { what, state: 'ok', says: `${Math.abs(difference)} s off from ours` }
}
