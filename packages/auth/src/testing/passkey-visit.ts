import { seconds } from '@gatehouse/core/time'
import type { UserRow } from '@gatehouse/store/rows'
import { noPermissions } from '../domain/clients.ts'
import type { CreationOptions, RequestOptions } from '../domain/passkey-options.ts'
import { newPkce, type ShownPage, TestBrowser } from './browser.ts'
import { type AnswerChanges, SoftwareAuthenticator } from './software-authenticator.ts'
import { basic, claimsOf, goodPassword, issuer, type StartedAuth, startAuth } from './start-auth.ts'

/** What a stranger, or somebody's own browser in the wrong place, could answer. */
export const wrongAnswers: readonly (readonly [name: string, changes: AnswerChanges])[] = [
  ['another origin', { origin: 'https://evil.test' }],
  ['another relying party', { rpId: 'evil.test' }],
  ['another challenge', { challenge: 'A'.repeat(43) }],
  ['nobody verified', { isVerified: false }],
  ['nobody present', { isPresent: false }],
  ['a frame of another site', { clientData: { crossOrigin: true, topOrigin: 'https://evil.test' } }],
]

/** The cookie of a session. */
export const sessionCookie = '__Host-gatehouse_session'
const redirectUri = 'https://app.example.com/cb'

export const flowOf = (page: ShownPage): string => page.form.fields.flow ?? ''

/** The options of an answer of JSON. */
export const optionsOf = async (response: Response): Promise<RequestOptions> =>
  ((await response.json()) as { public_key: RequestOptions }).public_key

/** What a page asks its browser for, and where the form goes that takes the answer. */
export function askedOn<Options>(page: ShownPage): { readonly options: Options; readonly action: string } {
  const pattern = /<form class="passkey"[^>]* action="([^"]*)"[^>]* data-options="([^"]*)"/
  const [, action = '', text = ''] = pattern.exec(page.text.replaceAll('\n', ' ')) ?? []
  // The page is of our own making.
  return { options: JSON.parse(text.replaceAll('&quot;', '"')) as Options, action }
}

/** The service, a browser without scripts, and an authenticator that answers in the place of one with scripts. */
export class PasskeyVisit {
  readonly started: StartedAuth
  readonly authenticator = new SoftwareAuthenticator(issuer)
  readonly #pkce = newPkce()
  browser: TestBrowser

  private constructor(started: StartedAuth) {
    this.started = started
    this.browser = new TestBrowser(started.url, issuer)
  }

  /** Starts the service with the app `web`; users with one of these roles must have a second factor. */
  static async begin(roles: readonly string[] = []): Promise<PasskeyVisit> {
    const web = {
      id: 'web',
      secret: 'web-secret',
      grantTypes: ['authorization_code'] as const,
      metadata: { redirect_uris: [redirectUri] },
      permissions: { ...noPermissions, skipConsent: true },
    }
    const secondFactor = { requiredForRoles: roles, rememberFor: seconds(86_400) }
    return new PasskeyVisit(await startAuth({ settings: { secondFactor }, clients: [web] }))
  }

  /** Comes back with another browser. */
  forget(): void {
    this.browser = new TestBrowser(this.started.url, issuer)
  }

  signIn(page: ShownPage, name = 'alice'): Promise<ShownPage> {
    return this.browser.signIn(page, name, goodPassword)
  }

  async findAlice(): Promise<UserRow> {
    const user = await this.started.store.users.findByCanonicalName('alice')
    if (!user) throw new Error('no alice')
    return user
  }

  /** When alice's factors were last used. */
  async usesOf(): Promise<readonly (number | null)[]> {
    const factors = await this.started.store.factors.listByUser((await this.findAlice()).id)
    return factors.map(({ last_used_at }) => last_used_at)
  }

  /** Signs in by the password, and shows the page on which a passkey is made. */
  async newPasskeyPage(name = 'alice'): Promise<ShownPage> {
    const security = await this.signIn(await this.browser.get('/account/security'), name)
    return this.browser.post('/account/passkeys', { flow: flowOf(security) })
  }

  /** Makes a passkey on a page that asks for one. */
  make(page: ShownPage, changes: AnswerChanges = {}): Promise<ShownPage> {
    const { options, action } = askedOn<CreationOptions>(page)
    const answer = JSON.stringify(this.authenticator.create(options, changes))
    return this.browser.post(action, { flow: flowOf(page), name: 'Phone', answer })
  }

  /** Gives somebody a passkey, and comes back with another browser. */
  async makePasskey(name = 'alice', changes: AnswerChanges = {}): Promise<void> {
    const made = await this.make(await this.newPasskeyPage(name), changes)
    if (!made.has('recovery-codes')) throw new Error(`not made: ${made.text}`)
    this.forget()
  }

  /** The challenge that a sign-in page's script fetches. */
  fetchOptions(page: ShownPage, headers: Record<string, string> = {}): Promise<Response> {
    const cookie = [...this.browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    return this.started.postJson('/login/passkey/begin', { flow: flowOf(page) }, { cookie, ...headers })
  }

  answerOn(page: ShownPage, answer: unknown): Promise<ShownPage> {
    return this.browser.post('/login/passkey/form', { flow: flowOf(page), answer: JSON.stringify(answer) })
  }

  /** Signs in on a sign-in page. */
  async show(page: ShownPage, changes: AnswerChanges = {}): Promise<ShownPage> {
    return this.answerOn(page, this.authenticator.get(await optionsOf(await this.fetchOptions(page)), changes))
  }

  /** Shows a passkey on the page of second factors. */
  showFactor(
    page: ShownPage,
    changes: AnswerChanges = {},
    more: Readonly<Record<string, string>> = {},
  ): Promise<ShownPage> {
    const { options, action } = askedOn<RequestOptions>(page)
    const answer = JSON.stringify(this.authenticator.get(options, changes))
    return this.browser.post(action, { flow: flowOf(page), method: 'passkey', answer, ...more })
  }

  /** Comes from the app `web`. */
  authorize(more: Readonly<Record<string, string>> = {}): Promise<ShownPage> {
    const asked = { client_id: 'web', redirect_uri: redirectUri, response_type: 'code', scope: 'openid' }
    const challenge = { code_challenge: this.#pkce.challenge, code_challenge_method: 'S256' }
    return this.browser.get(`/oauth/authorize?${new URLSearchParams({ ...asked, ...challenge, ...more })}`)
  }

  /** What the app is told of whoever has come back to it. */
  async claimsFor({ callback }: ShownPage): Promise<Record<string, unknown>> {
    const form = { grant_type: 'authorization_code', code: callback.get('code') ?? '', redirect_uri: redirectUri }
    const body = { ...form, code_verifier: this.#pkce.verifier }
    const response = await this.started.postForm('/oauth/token', body, basic('web', 'web-secret'))
    return claimsOf(((await response.json()) as { id_token: string }).id_token)
  }
}
