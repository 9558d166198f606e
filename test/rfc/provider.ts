import type { ConfiguredClient } from '@gatehouse/auth/domain/clients'
import { noPermissions } from '@gatehouse/auth/domain/clients'
import { newPkce, type ShownPage, TestBrowser } from '@gatehouse/auth/testing/browser'
import { basic, goodPassword, issuer, type StartedAuth, startAuth } from '@gatehouse/auth/testing/start-auth'

export { basic, claimsOf, issuer } from '@gatehouse/auth/testing/start-auth'

/** Where the client `web` is redirected to; nothing listens there. */
export const redirectUri = 'https://app.example.com/cb'
/** The audience of the one service. */
export const orders = `${issuer}/orders`
/** Members of a request; `undefined` leaves out what would be there. */
export type Members = Readonly<Record<string, string | undefined>>

/** A JSON answer as a client sees it. */
export interface Answered {
  readonly status: number
  readonly headers: Headers
  /** Every member of these answers that tests look at is a text, unless they say otherwise. */
  readonly body: Record<string, string>
}

/** The provider with the confidential client `web`, the public client `spa`, and a browser that nobody has signed in with. */
export interface Provider extends StartedAuth {
  readonly browser: TestBrowser
  readonly pkce: ReturnType<typeof newPkce>
  newBrowser(): TestBrowser
  /** An authorization request that is good but for what is given. */
  parameters(given?: Members): Record<string, string>
  /** The same as the path to get. */
  authorizePath(given?: Members): string
  /** Asks, signs in and agrees as far as that is asked for; the answer is what leads back to the client. */
  authorize(given?: Members, browser?: TestBrowser): Promise<ShownPage>
  /** Fills in what a page asks for, until one leads back to the client. */
  goOn(page: ShownPage, browser?: TestBrowser): Promise<ShownPage>
  /** Posts a form; without headers as the client `web`. */
  post(path: string, form: Members | string, headers?: Record<string, string>): Promise<Answered>
  token(form: Members, headers?: Record<string, string>): Promise<Answered>
  exchange(code: string | null, form?: Members, headers?: Record<string, string>): Promise<Answered>
  /** A whole code flow of `web`. */
  tokens(given?: Members, form?: Members): Promise<Record<string, string>>
  userinfo(token: string, headers?: Record<string, string>): Promise<Answered>
  introspect(token: string | undefined): Promise<Record<string, unknown>>
  metadata(): Promise<Record<string, unknown>>
  /** The sum of all audit events, repetitions included. */
  countEvents(): Promise<number>
}

/** What the client `web` is, unless a test says otherwise. */
export const web = {
  id: 'web',
  secret: 'web-secret',
  grantTypes: ['authorization_code', 'refresh_token', 'client_credentials'],
  scopes: ['orders:read', 'orders:write'],
  audiences: [orders],
  metadata: { client_name: 'Web shop', redirect_uris: [redirectUri] },
  permissions: { ...noPermissions, skipConsent: true },
} satisfies Partial<ConfiguredClient>

/** A public client: what it has besides is what {@link web} has. */
export const spa = {
  ...web,
  id: 'spa',
  secret: undefined,
  authMethod: 'none',
  secretEitherWay: false,
  grantTypes: ['authorization_code', 'refresh_token'],
} satisfies Partial<ConfiguredClient>

const asWeb = basic('web', 'web-secret')
type StartOptions = NonNullable<Parameters<typeof startAuth>[0]>

/** Starts it; `client` overrides parts of `web`, `others` are clients beside. */
export async function startProvider(
  client: Partial<ConfiguredClient> = {},
  others: readonly Partial<ConfiguredClient>[] = [],
  options: Omit<StartOptions, 'clients'> = {},
): Promise<Provider> {
  const started = await startAuth({ ...options, clients: [{ ...web, ...client }, spa, ...others] })
  const pkce = newPkce()
  const newBrowser = (): TestBrowser => new TestBrowser(started.url, issuer)
  const browser = newBrowser()
  const read = async (response: Response): Promise<Answered> => {
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : { text } }
  }
  const provider: Provider = {
    ...started,
    pkce,
    browser,
    newBrowser,
    parameters: (given = {}) =>
      presentOnly({
        client_id: 'web',
        redirect_uri: redirectUri,
        response_type: 'code',
        scope: 'openid orders:read',
        state: 'state-1',
        nonce: 'nonce-1',
        code_challenge: pkce.challenge,
        code_challenge_method: 'S256',
        ...given,
      }),
    authorizePath: (given) => `/oauth/authorize?${new URLSearchParams(provider.parameters(given))}`,
    authorize: async (given, by = browser) => provider.goOn(await by.get(provider.authorizePath(given)), by),
    async goOn(page, by = browser) {
      const signedIn = page.has('password') ? await by.signIn(page, 'alice', goodPassword) : page
      return signedIn.has('allow') ? by.submit(signedIn, { decision: 'allow' }) : signedIn
    },
    post: async (path, form, headers = asWeb) =>
      read(await started.postForm(path, typeof form === 'string' ? form : presentOnly(form), headers)),
    token: (form, headers) => provider.post('/oauth/token', form, headers),
    exchange: (code, form = {}, headers = asWeb) =>
      provider.token(
        {
          grant_type: 'authorization_code',
          code: code ?? '',
          redirect_uri: redirectUri,
          code_verifier: pkce.verifier,
          ...form,
        },
        headers,
      ),
    async tokens(given, form) {
      const answer = await provider.authorize(given)
      const { status, body } = await provider.exchange(answer.callback.get('code'), form)
      if (status !== 200) throw new Error(`no tokens: ${answer.status} ${JSON.stringify(body)}`)
      return body
    },
    userinfo: async (token, headers = {}) =>
      read(await fetch(`${started.url}/oauth/userinfo`, { headers: { authorization: `Bearer ${token}`, ...headers } })),
    introspect: async (token) => (await provider.post('/oauth/introspect', { token: token ?? '' })).body,
    metadata: async () =>
      (await (await fetch(`${started.url}/.well-known/openid-configuration`)).json()) as Record<string, unknown>,
    countEvents: async () =>
      (await started.store.audit.list({ limit: 1000 })).reduce((sum, { count }) => sum + count, 0),
  }
  return provider
}

const presentOnly = (members: Members): Record<string, string> =>
  Object.fromEntries(Object.entries(members).filter((entry): entry is [string, string] => entry[1] !== undefined))
