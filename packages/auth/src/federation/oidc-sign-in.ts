import * as client from 'openid-client'
import { readRedirectMemory } from './oauth-memory.ts'
import { tokensOf } from './oauth-tokens.ts'
import { authTimeOf, checkClaimRules, checkIdToken, mergeClaims, methodsOf, subjectOf } from './oidc-claims.ts'
import type { OidcContext } from './oidc-context.ts'
import type { DiscoveredProvider } from './oidc-discovery.ts'
import { askUserinfo } from './oidc-userinfo.ts'
import type { BeginningSignIn, OutsideIdentity, ProviderAnswer, StartedSignIn } from './provider.ts'
import { ProviderFailure } from './provider-failure.ts'

/** Longer ones would not fit into the address by which somebody signs out. */
const longestHint = 6_000

/** Where to send a browser. Spec: OpenID Connect Core 1.0 section 3.1.2.1; RFC 7636; RFC 9126 where the provider wants it. */
export async function startOidc(
  { parts, settings, discovery }: OidcContext,
  begin: BeginningSignIn,
): Promise<StartedSignIn> {
  const { configuration, metadata } = await discovery.get()
  const [nonce, verifier] = [client.randomNonce(), client.randomPKCECodeVerifier()]
  const { prompt, ...further } = settings.authorizationParameters
  const prompts = new Set([...(begin.fresh ? ['login'] : []), ...(prompt?.split(' ') ?? [])])
  const parameters = {
    ...(begin.locales.length > 0 ? { ui_locales: begin.locales.join(' ') } : {}),
    ...(begin.loginHint === undefined ? {} : { login_hint: begin.loginHint }),
    ...(begin.fresh ? { max_age: '0' } : {}),
    ...further,
    ...(prompts.size > 0 ? { prompt: [...prompts].join(' ') } : {}),
    ...(settings.responseMode === 'query' ? {} : { response_mode: settings.responseMode }),
    redirect_uri: begin.callback,
    scope: settings.scopes.join(' '),
    state: begin.state,
    nonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }
  const isPushed = metadata.require_pushed_authorization_requests === true
  const build = isPushed ? client.buildAuthorizationUrlWithPAR : client.buildAuthorizationUrl
  const url = await build(configuration, parameters)
  const memory = { nonce, verifier, ...(begin.fresh && !begin.mayBeOld ? { freshSince: parts.clock.now() } : {}) }
  return { go: { url: url.href }, memory }
}

/**
 * Judges an answer: `iss` and `state` first, so that a code of another provider is sent to nobody; then the ID token.
 * Spec: OpenID Connect Core 1.0 sections 3.1.2.7, 3.1.3.7; RFC 9207 section 2.4. Stops: mix-up, replayed and swapped codes.
 */
export async function finishOidc(context: OidcContext, answer: ProviderAnswer): Promise<OutsideIdentity> {
  const { parts, settings, discovery } = context
  const discovered = await discovery.get()
  const { nonce, verifier, freshSince } = readRedirectMemory(answer.memory)
  if (nonce === undefined || verifier === undefined) {
    throw new ProviderFailure('invalid_answer', 'nothing is remembered of this sign-in')
  }
  const tokens = await client.authorizationCodeGrant(
    discovered.configuration,
    addressOf(answer, settings.issuerTemplate),
    {
      pkceCodeVerifier: verifier,
      expectedState: answer.state,
      expectedNonce: nonce,
      idTokenExpected: true,
      ...(freshSince === undefined ? {} : { maxAge: Math.max(0, parts.clock.now() - freshSince) }),
    },
  )
  return describePerson(context, {
    discovered,
    tokens,
    formName: settings.nameInForm ? readFormName(answer.parameters) : undefined,
  })
}

/** The answer as an address, which is what openid-client reads. */
function addressOf({ callback, parameters }: ProviderAnswer, issuerTemplate: string | undefined): URL {
  const url = new URL(callback)
  for (const [name, value] of parameters) url.searchParams.append(name, value)
  const issuers = url.searchParams.getAll('iss')
  // One address for many issuers: which of them it was is said by the ID token; here it has to be one of them.
  const [issuer, ...more] = issuers
  if (issuerTemplate === undefined || issuer === undefined || more.length > 0) return url
  const [before = '', after = ''] = issuerTemplate.split('{tenantid}')
  const tenant = issuer.slice(before.length, issuer.length - after.length)
  if (issuer !== before + tenant + after || !/^[\da-f-]{36}$/.test(tenant)) {
    throw new ProviderFailure('invalid_answer', 'the answer is of another provider: iss')
  }
  url.searchParams.delete('iss')
  return url
}

/**
 * The name that Apple gives at the first sign-in, in a field that is not signed: it is as good as a name that somebody types.
 * Of the address there nothing is taken.
 */
function readFormName(parameters: URLSearchParams): string | undefined {
  try {
    const { name } = JSON.parse(parameters.get('user') ?? '')
    const parts: unknown[] = [name?.firstName, name?.lastName]
    const words = parts.filter((part): part is string => typeof part === 'string' && /^[^\p{Cc}]{1,100}$/u.test(part))
    return words.length > 0 ? words.join(' ') : undefined
  } catch {
    return undefined
  }
}

/** Tokens that were just given, and what goes with them. */
interface GivenTokens {
  readonly discovered: DiscoveredProvider
  readonly tokens: client.TokenEndpointResponse
  readonly formName?: string | undefined
}

/** Who somebody is, by the ID token and by userinfo, whose subjects have to be the same. */
export async function describePerson(
  { parts, settings }: OidcContext,
  { discovered, tokens, formName }: GivenTokens,
): Promise<OutsideIdentity> {
  const { configuration, metadata } = discovered
  const idToken = signedIdToken(tokens)
  const fromToken = checkIdToken(idToken, {
    clientId: settings.clientId,
    accessToken: tokens.access_token,
    now: parts.clock.now(),
  })
  const userinfo =
    settings.userinfo && metadata.userinfo_endpoint !== undefined
      ? await askUserinfo(configuration, tokens.access_token, String(fromToken.sub))
      : {}
  const merged = mergeClaims(fromToken, userinfo)
  const claims = formName !== undefined && merged.name === undefined ? { ...merged, name: formName } : merged
  checkClaimRules(claims, settings.claimRules)
  const amr = methodsOf(fromToken)
  return {
    subject: subjectOf(fromToken, settings),
    claims,
    authTime: authTimeOf(fromToken),
    ...(amr ? { amr } : {}),
    ...(typeof fromToken.sid === 'string' ? { session: fromToken.sid } : {}),
    ...(settings.keepTokens ? { tokens: tokensOf(tokens, parts.clock) } : {}),
    ...(metadata.end_session_endpoint !== undefined && idToken.length <= longestHint
      ? { logoutMemory: { idToken } }
      : {}),
  }
}

/** The ID token as it was signed, also where it came encrypted. */
function signedIdToken(tokens: client.TokenEndpointResponse): string {
  const decrypted = client.getDecryptedResponses(tokens)
  const signed = typeof decrypted === 'string' ? decrypted : decrypted?.id_token?.token_endpoint
  return signed ?? tokens.id_token ?? ''
}
