import { ManualClock, seconds } from '@gatehouse/core/time'
import { afterEach, beforeEach } from 'vitest'
import type { AuthSettings } from '../auth-options.ts'
import { hashCookie } from '../domain/browser-sessions.ts'
import { compileMapping } from '../federation/mapping.ts'
import type { ProviderSettings } from '../federation/provider-settings.ts'
import { type ShownPage, TestBrowser } from './browser.ts'
import { startOpenIdProvider, type TestOpenIdProvider } from './openid-provider.ts'
import { issuer, type StartedAuth, type StartOptions, startAuth } from './start-auth.ts'

/** What somebody has at a provider. */
export type Claims = Readonly<Record<string, unknown>>

/** Browsers that sign in at OpenID providers, by the pages of the whole service; all of it new for each test. */
export function useProviderVisits() {
  let upstream: TestOpenIdProvider
  let started: StartedAuth | undefined
  // The client of the provider reads the clock of the machine.
  let clock: ManualClock
  beforeEach(async () => {
    clock = new ManualClock(Math.floor(Date.now() / 1000))
    upstream = await startOpenIdProvider(() => clock.now())
  })
  afterEach(async () => {
    await started?.close()
    started = undefined
    await upstream.close()
  })
  const running = (): StartedAuth => {
    if (!started) throw new Error('nothing was started')
    return started
  }

  const visits = {
    get upstream() {
      return upstream
    },
    get auth() {
      return running()
    },
    /** A provider's settings; `more` in place of what is usual. */
    provider: (
      more: Partial<ProviderSettings> = {},
      kept: { readonly keepTokens?: boolean } = {},
    ): ProviderSettings => ({
      ...{ name: 'corp', title: 'Corp', hasButton: true, domains: [], organisations: [] },
      ...{ createsAccounts: true, scopes: [], trustsEmail: false, trustsSecondFactor: false },
      ...{ mapping: compileMapping({}), singleLogout: false, isPrivate: false },
      ...{ recheckEvery: seconds(0), recheckWithin: seconds(14_400) },
      ...{ tokenScope: undefined, isShadow: false, doors: { redirect: true, check: false } },
      definition: {
        kind: 'oidc',
        settings: {
          issuer: upstream.issuer,
          clientId: 'gatehouse',
          authentication: { method: 'client_secret_basic', secret: 'canary-secret' },
          scopes: ['openid', 'email'],
          authorizationParameters: {},
          responseMode: 'query',
          userinfo: false,
          subjectClaims: ['sub'],
          claimRules: [],
          nameInForm: false,
          keepTokens: kept.keepTokens ?? false,
        },
      },
      ...more,
    }),
    /** A plain OAuth 2 provider, named `plain`. */
    plainProvider: (): ProviderSettings => ({
      ...visits.provider({ name: 'plain', title: 'Plain' }),
      definition: {
        kind: 'oauth2',
        settings: {
          authorizationEndpoint: `${upstream.issuer}/authorize`,
          tokenEndpoint: `${upstream.issuer}/token`,
          clientId: 'gatehouse',
          authentication: { method: 'client_secret_basic', secret: 'canary-secret' },
          userinfo: [{ url: `${upstream.issuer}/userinfo` }],
          subject: 'sub',
          scopes: [],
          authorizationParameters: {},
          pkce: true,
          tokenAnswer: 'json',
          passwordGrant: false,
          keepTokens: false,
        },
      },
    }),
    async start(
      providers: readonly ProviderSettings[] = [visits.provider()],
      settings: Partial<AuthSettings> = {},
      clients: StartOptions['clients'] = [],
    ): Promise<StartedAuth> {
      started = await startAuth({ clock, clients, settings: { ...settings, providers } })
      return started
    },
    newBrowser: (): TestBrowser => new TestBrowser(running().url, issuer),
    /** Sends a browser to a provider; the parameters with which it gets there. */
    async leave(browser: TestBrowser, name = 'corp', query = ''): Promise<URLSearchParams> {
      const page = await browser.get(`/federation/${name}/start${query}`)
      if (!page.callback.has('state')) throw new Error(`nobody was sent anywhere: ${page.status} ${page.text}`)
      return page.callback
    },
    /** What the provider gives for the next code. */
    async give(nonce: string | null, claims: Claims = {}, more: Claims = {}): Promise<void> {
      const id_token = await upstream.signIdToken({ nonce, ...claims })
      upstream.giveTokens({ access_token: 'canary-at', token_type: 'Bearer', expires_in: 600, id_token, ...more })
    },
    comeBack: (browser: TestBrowser, state: string | null, name = 'corp'): Promise<ShownPage> =>
      browser.get(`/federation/${name}/callback?${new URLSearchParams({ code: 'canary-code', state: state ?? '' })}`),
    /** A whole sign-in. */
    async signIn(
      claims: Claims = {},
      browser: TestBrowser = visits.newBrowser(),
      more: Claims = {},
    ): Promise<ShownPage> {
      const sent = await visits.leave(browser)
      await visits.give(sent.get('nonce'), claims, more)
      return visits.comeBack(browser, sent.get('state'))
    },
    /** Somebody who is signed in, on the page of accounts elsewhere, is sent to a provider to link one. */
    async leaveToLink(browser: TestBrowser, name = 'corp'): Promise<URLSearchParams> {
      const page = await browser.get('/account/linked')
      const flow = /flow=([\w-]{22})/.exec(page.text)?.[1] ?? ''
      const sent = await browser.get(`/account/linked/add?provider=${name}&flow=${flow}`)
      if (!sent.callback.has('state')) throw new Error(`nobody was sent anywhere: ${sent.status} ${sent.text}`)
      return sent.callback
    },
    asked: (path: string): number => upstream.requests.filter((request) => request.path === path).length,
    /** Everything that is noted of one type, with its details. */
    async events(type: string) {
      const all = await running().store.audit.list({ limit: 1000 })
      return all.filter((event) => event.type === type)
    },
    /** The session that a browser has, and whose it is. */
    async sessionIn(browser: TestBrowser) {
      const value = browser.cookies.get('__Host-gatehouse_session')
      const { store } = running()
      const session =
        value === undefined ? undefined : await store.sessions.findByCookie(hashCookie(value), clock.now())
      const user = session && (await store.users.findById(session.user_id))
      return session && user ? { session, user } : undefined
    },
  }
  return visits
}
