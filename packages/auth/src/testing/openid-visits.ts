import { type Clock, seconds } from '@gatehouse/core/time'
import { afterEach, beforeEach } from 'vitest'
import { createOidcProvider } from '../federation/oidc.ts'
import type { OidcSettings } from '../federation/oidc-settings.ts'
import type { OutsideIdentity, Provider } from '../federation/provider.ts'
import { ProviderFailure } from '../federation/provider-failure.ts'
import { createOutbound, type Outbound } from '../outbound/outbound.ts'
import { startOpenIdProvider, type TestOpenIdProvider } from './openid-provider.ts'

/** The clock of the machine, which openid-client reads. */
export const machineClock: Clock = {
  now: () => seconds(Math.floor(Date.now() / 1000)),
  milliseconds: () => Date.now(),
}
/** Where browsers come back to. */
export const callback = 'https://auth.example.com/federation/corp/callback'
/** The state of every sign-in. */
export const state = 'S'.repeat(43)

/** One sign-in. */
export interface Visit {
  readonly provider?: Provider
  readonly fresh?: boolean
  /** In place of what the provider gives for the code. */
  readonly tokens?: (nonce: string) => Promise<Readonly<Record<string, unknown>>>
  /** Besides what the browser brings back. */
  readonly answer?: Readonly<Record<string, string>>
}

/** Why something failed, which has to fail as providers do. */
export async function failureOf(work: Promise<unknown> | undefined): Promise<ProviderFailure> {
  const error = await work?.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof ProviderFailure)) throw new Error('it did not fail as providers do', { cause: error })
  return error
}

/** Sign-ins at a provider that answers what it is told to; a new one for each test. */
export function useOpenIdVisits() {
  let upstream: TestOpenIdProvider
  let outbound: Outbound
  beforeEach(async () => {
    upstream = await startOpenIdProvider(() => machineClock.now())
    outbound = createOutbound({ allowLoopback: true })
  })
  afterEach(async () => {
    outbound.close()
    await upstream.close()
  })

  const create = (
    settings: Partial<OidcSettings> = {},
    parts: { clock?: Clock; outbound?: Pick<Outbound, 'fetch'> } = {},
  ) =>
    createOidcProvider(
      { name: 'corp', issuer: 'https://auth.example.com', clock: machineClock, outbound, ...parts },
      {
        issuer: upstream.issuer,
        clientId: 'gatehouse',
        authentication: { method: 'client_secret_basic', secret: 's3cr3t' },
        scopes: ['openid', 'email'],
        authorizationParameters: {},
        responseMode: 'query',
        userinfo: true,
        subjectClaims: ['sub'],
        claimRules: [],
        nameInForm: false,
        keepTokens: false,
        ...settings,
      },
    )
  const start = async (provider: Provider, more: { fresh?: boolean; loginHint?: string; locales?: string[] } = {}) => {
    const started = await provider.redirect?.start({ callback, state, fresh: false, locales: [], ...more })
    if (!started || !('url' in started.go)) throw new Error('nobody is sent anywhere')
    return { url: new URL(started.go.url), memory: started.memory }
  }

  return {
    get upstream() {
      return upstream
    },
    get outbound() {
      return outbound
    },
    create,
    /** Where a browser is sent. */
    start,
    /** A whole sign-in. */
    async signIn({ provider = create(), fresh = false, tokens, answer = {} }: Visit = {}): Promise<OutsideIdentity> {
      const { url, memory } = await start(provider, { fresh })
      const nonce = url.searchParams.get('nonce') ?? ''
      const given = tokens ? await tokens(nonce) : { id_token: await upstream.signIdToken({ nonce }) }
      upstream.giveTokens({ access_token: 'at-1', token_type: 'Bearer', expires_in: 60, ...given })
      const parameters = new URLSearchParams({ code: 'code-1', state, ...answer })
      const identity = await provider.redirect?.finish({ callback, state, parameters, binding: 'query', memory })
      if (!identity) throw new Error('there is no such door')
      return identity
    },
    /** How often the provider was asked at a path. */
    asked: (path: string): number => upstream.requests.filter((request) => request.path === path).length,
  }
}
