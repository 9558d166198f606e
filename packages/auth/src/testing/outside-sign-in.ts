import { ManualClock, seconds } from '@gatehouse/core/time'
import { compileMapping, type MappingTexts } from '../federation/mapping.ts'
import type { OidcSettings } from '../federation/oidc-settings.ts'
import type { ProviderSettings } from '../federation/provider-settings.ts'
import { TestBrowser } from './browser.ts'
import { startOpenIdProvider, type TestOpenIdProvider } from './openid-provider.ts'
import { machineClock } from './openid-visits.ts'
import { issuer, type StartedAuth, startAuth } from './start-auth.ts'

/** A service whose users sign in at an OpenID provider of the test. */
export interface OutsideSignIns {
  readonly started: StartedAuth
  readonly upstream: TestOpenIdProvider
  newBrowser(): TestBrowser
  /** Follows the start to the provider; what it was asked for. */
  go(browser: TestBrowser, path?: string): Promise<URLSearchParams>
  /** Makes the provider give these claims, and brings the browser back from there. */
  comeBack(
    browser: TestBrowser,
    asked: URLSearchParams,
    claims?: Readonly<Record<string, unknown>>,
  ): ReturnType<TestBrowser['get']>
  /** All of it. */
  signIn(browser: TestBrowser, claims?: Readonly<Record<string, unknown>>): ReturnType<TestBrowser['get']>
  close(): Promise<void>
}

/** The settings of a provider `corp` of that issuer. */
export const corp = (
  upstream: Pick<TestOpenIdProvider, 'issuer'>,
  settings: Partial<ProviderSettings> = {},
  { oidc = {}, mapping = {} }: { oidc?: Partial<OidcSettings>; mapping?: MappingTexts } = {},
): ProviderSettings => ({
  ...{ name: 'corp', title: 'Corp', hasButton: true, domains: [], organisations: [] },
  ...{ createsAccounts: true, scopes: ['orders:read'], trustsEmail: false, trustsSecondFactor: false },
  mapping: compileMapping(mapping),
  ...{ recheckEvery: seconds(300), recheckWithin: seconds(14_400) },
  ...{ singleLogout: false, isPrivate: false, tokenScope: undefined, isShadow: false },
  doors: { redirect: true, check: false },
  definition: {
    kind: 'oidc',
    settings: {
      issuer: upstream.issuer,
      clientId: 'gatehouse',
      authentication: { method: 'client_secret_basic', secret: 'outside-secret' },
      scopes: ['openid', 'email'],
      responseMode: 'query',
      userinfo: false,
      subjectClaims: ['sub'],
      claimRules: [],
      nameInForm: false,
      keepTokens: false,
      authorizationParameters: {},
      ...oidc,
    },
  },
  ...settings,
})

/** Starts both. The clock is the machine's, which the library for OpenID reads. */
export async function startOutsideSignIns(
  settings: (upstream: TestOpenIdProvider) => readonly ProviderSettings[] = (upstream) => [corp(upstream)],
  options: Omit<NonNullable<Parameters<typeof startAuth>[0]>, 'clock'> = {},
): Promise<OutsideSignIns> {
  const upstream = await startOpenIdProvider(() => machineClock.now())
  const clock = new ManualClock(machineClock.now())
  const started = await startAuth({
    ...options,
    clock,
    settings: { ...options.settings, providers: settings(upstream) },
  })
  const go = async (browser: TestBrowser, path = '/federation/corp/start'): Promise<URLSearchParams> => {
    const { headers } = await browser.get(path)
    return new URL(headers.get('location') ?? 'http://nowhere').searchParams
  }
  const comeBack: OutsideSignIns['comeBack'] = async (browser, asked, claims = {}) => {
    upstream.giveTokens({
      access_token: 'upstream-access',
      token_type: 'Bearer',
      id_token: await upstream.signIdToken({ nonce: asked.get('nonce'), ...claims }),
    })
    const answer = new URLSearchParams({ code: 'code', state: asked.get('state') ?? '' })
    return browser.get(`/federation/corp/callback?${answer}`)
  }
  return {
    started,
    upstream,
    newBrowser: () => new TestBrowser(started.url, issuer),
    go,
    comeBack,
    signIn: async (browser, claims) => comeBack(browser, await go(browser), claims),
    async close() {
      await started.close()
      await upstream.close()
    },
  }
}
