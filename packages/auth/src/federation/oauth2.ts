import * as client from 'openid-client'
import { createClientAuthentication } from './oauth-client-authentication.ts'
import { isRefusedGrant, isRefusedToken, throughDoor } from './oauth-failure.ts'
import { createOAuthFetch } from './oauth-fetch.ts'
import { buildKeySet } from './oauth-keys.ts'
import { readRedirectMemory } from './oauth-memory.ts'
import { tokensOf } from './oauth-tokens.ts'
import { askUserinfo, subjectAt } from './oauth2-claims.ts'
import { examineOAuth2 } from './oauth2-examine.ts'
import type { OAuth2Settings } from './oauth2-settings.ts'
import { readTokenAnswer } from './oauth2-token-answer.ts'
import type {
  BeginningSignIn,
  CheckDoor,
  KnownIdentity,
  OutsideIdentity,
  OutsideTokens,
  Provider,
  ProviderAnswer,
  ProviderParts,
  StartedSignIn,
} from './provider.ts'
import { NothingToAskWith, ProviderFailure } from './provider-failure.ts'

interface OAuth2Context {
  readonly parts: ProviderParts
  readonly settings: OAuth2Settings
  /** Built once, when it is first needed. */
  readonly configuration: () => Promise<client.Configuration>
}

/**
 * A plain OAuth 2 provider, such as GitHub: who somebody is there is what its API says to the access token.
 * Spec: RFC 6749 section 4.1; RFC 7636; RFC 9700 section 2.1. Cost: for each sign-in a token request and one for each source.
 */
export function createOAuth2Provider(parts: ProviderParts, settings: OAuth2Settings): Provider {
  let built: Promise<client.Configuration> | undefined
  const configuration = () => {
    built ??= build(parts, settings)
    return built
  }
  const context = { parts, settings, configuration }
  const { authentication } = settings
  return {
    redirect: {
      start: (begin) => throughDoor(() => start(context, begin)),
      finish: (answer) => throughDoor(() => finish(context, answer)),
      neverFresh: true,
    },
    ...(settings.passwordGrant ? { check: (typed) => throughDoor(() => checkPassword(context, typed)) } : {}),
    ...(settings.keepTokens ? { refresh: (known) => throughDoor(() => refresh(context, known)) } : {}),
    ...(authentication.method === 'private_key_jwt'
      ? {
          describe: () =>
            throughDoor(async () => ({
              type: 'application/jwk-set+json',
              text: JSON.stringify(await buildKeySet({ signing: authentication })),
            })),
        }
      : {}),
    examine: () => examineOAuth2(parts, settings),
    close() {},
  }
}

async function build({ outbound, clock }: ProviderParts, settings: OAuth2Settings): Promise<client.Configuration> {
  const { authorizationEndpoint, tokenEndpoint } = settings
  const server = {
    issuer: settings.issuer ?? new URL(tokenEndpoint).origin,
    authorization_endpoint: authorizationEndpoint,
    token_endpoint: tokenEndpoint,
  }
  const authentication = await createClientAuthentication(settings.authentication, clock)
  const configuration = new client.Configuration(server, settings.clientId, {}, authentication)
  // The configuration takes such addresses in development alone.
  if (authorizationEndpoint.startsWith('http:')) client.allowInsecureRequests(configuration)
  const send = createOAuthFetch(outbound)
  const sendForTokens = createOAuthFetch(outbound, readTokenAnswer(settings.tokenAnswer))
  configuration[client.customFetch] = (url, options) =>
    url === new URL(tokenEndpoint).href
      ? sendForTokens(url, {
          ...options,
          headers:
            settings.tokenAnswer === 'form'
              ? { ...options.headers, accept: 'application/x-www-form-urlencoded, application/json' }
              : options.headers,
        })
      : send(url, options)
  return configuration
}

async function start({ settings, configuration }: OAuth2Context, begin: BeginningSignIn): Promise<StartedSignIn> {
  if (begin.fresh) throw new ProviderFailure('refused', 'it cannot say whether somebody has proven anew who they are')
  const verifier = settings.pkce ? client.randomPKCECodeVerifier() : undefined
  const url = client.buildAuthorizationUrl(await configuration(), {
    ...(begin.loginHint === undefined ? {} : { login_hint: begin.loginHint }),
    ...settings.authorizationParameters,
    ...(settings.scopes.length > 0 ? { scope: settings.scopes.join(' ') } : {}),
    redirect_uri: begin.callback,
    state: begin.state,
    ...(verifier === undefined
      ? {}
      : { code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' }),
  })
  return { go: { url: url.href }, memory: verifier === undefined ? {} : { verifier } }
}

async function finish(context: OAuth2Context, answer: ProviderAnswer): Promise<OutsideIdentity> {
  const { settings, configuration } = context
  const { verifier } = readRedirectMemory(answer.memory)
  if (settings.pkce && verifier === undefined) {
    throw new ProviderFailure('invalid_answer', 'nothing is remembered of this sign-in')
  }
  const url = new URL(answer.callback)
  for (const [name, value] of answer.parameters) {
    // Without a name to compare it with, each provider having an address of its own is what keeps them apart.
    if (name !== 'iss' || settings.issuer !== undefined) url.searchParams.append(name, value)
  }
  const tokens = await client.authorizationCodeGrant(await configuration(), url, {
    expectedState: answer.state,
    ...(verifier === undefined ? {} : { pkceCodeVerifier: verifier }),
  })
  return describePerson(context, tokensOf(tokens, context.parts.clock))
}

/** Spec: RFC 6749 section 4.3, which RFC 9700 section 2.4 forbids; here it is for taking accounts over. */
async function checkPassword(
  context: OAuth2Context,
  { username, password }: Parameters<CheckDoor>[0],
): Promise<OutsideIdentity | undefined> {
  const { settings, configuration, parts } = context
  const scope = settings.scopes.length > 0 ? { scope: settings.scopes.join(' ') } : {}
  const tokens = await unlessRefused(
    client.genericGrantRequest(await configuration(), 'password', { username, password, ...scope }),
  )
  return tokens && describePerson(context, tokensOf(tokens, parts.clock))
}

async function refresh(context: OAuth2Context, known: KnownIdentity): Promise<OutsideIdentity | undefined> {
  const { configuration, parts } = context
  let tokens = known.tokens
  if (tokens?.refreshToken !== undefined) {
    const { refreshToken } = tokens
    const given = await unlessRefused(client.refreshTokenGrant(await configuration(), refreshToken))
    if (!given) return undefined
    tokens = tokensOf(given, parts.clock, refreshToken)
    await known.keep?.(tokens)
  }
  if (!tokens || (tokens.expiresAt !== undefined && tokens.expiresAt <= parts.clock.now())) {
    throw new NothingToAskWith('there is no token to ask with')
  }
  const identity = await describePerson(context, tokens).catch((error: unknown) => {
    if (isRefusedToken(error)) return undefined
    throw error
  })
  if (identity && identity.subject !== known.subject) {
    throw new ProviderFailure('invalid_answer', 'its tokens are somebody else’s by now')
  }
  return identity
}

async function unlessRefused<T>(request: Promise<T>): Promise<T | undefined> {
  return request.catch((error: unknown) => {
    if (isRefusedGrant(error)) return undefined
    throw error
  })
}

async function describePerson(context: OAuth2Context, tokens: OutsideTokens): Promise<OutsideIdentity> {
  const { settings, configuration } = context
  const claims = await askUserinfo(await configuration(), settings.userinfo, tokens.accessToken)
  return {
    subject: subjectAt(claims, settings.subject),
    claims,
    ...(settings.keepTokens ? { tokens } : {}),
  }
}
