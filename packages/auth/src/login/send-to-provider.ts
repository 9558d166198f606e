import { GatehouseError } from '@gatehouse/core/errors'
import { ofProvider, paths } from '@gatehouse/core/paths'
import type { Clock } from '@gatehouse/core/time'
import type { Store } from '@gatehouse/store/store'
import type { BrowserSession, BrowserSessions } from '../domain/browser-sessions.ts'
import type { Federation } from '../federation/federation.ts'
import type { Errand } from '../federation/pending-sign-ins.ts'
import type { Going } from '../federation/provider.ts'
import { ProviderFailure } from '../federation/provider-failure.ts'
import type { ProviderSettings } from '../federation/provider-settings.ts'
import type { AuthorizationFlow } from '../flow/authorization.ts'
import type { Flow } from '../flow/flows.ts'
import type { AddressLimit } from '../http/address-limit.ts'
import type { Cookies } from '../http/cookies.ts'
import type { Answer, BrowserRequest } from '../http/endpoint.ts'
import { renderFormPost } from '../pages/form-post.ts'
import type { Look } from '../pages/look.ts'
import { redirectTo } from '../pages/page.ts'
import { decisionParametersOf } from './decoupled-decision.ts'
import { noteProviderFailure } from './note-provider-failure.ts'

export interface SendingDependencies {
  readonly issuer: string
  readonly store: Store
  readonly clock: Clock
  readonly federation: Federation
  readonly authorization: AuthorizationFlow
  readonly browserSessions: BrowserSessions
  readonly cookies: Cookies
  /** Flows and sign-ins at providers that one address begins. */
  readonly beginnings: AddressLimit
}

/** What somebody is sent to a provider for. */
export interface Sending {
  readonly flow: Flow
  readonly errand: Errand
  /** What they have said who they are. */
  readonly hint?: string | undefined
}

/**
 * Sends a browser, whose cookie is known, to a provider. Where that cannot be done the failure is noted and handed back.
 * Errors: `not_found` without the cookie, `too_many_requests`. Cost: two reads and one statement.
 */
export async function sendToProvider(
  dependencies: SendingDependencies,
  { headers, address, requestId, look }: BrowserRequest,
  settings: ProviderSettings,
  { flow, errand, hint }: Sending,
): Promise<Answer | ProviderFailure> {
  const { issuer, federation, beginnings, cookies, browserSessions } = dependencies
  const browser = cookies.findBrowser(headers)
  if (browser === undefined) throw new GatehouseError('not_found')
  beginnings.take(address, 1)
  const { name: provider } = settings
  const state = federation.pending.newState()
  const session = await browserSessions.find(headers)
  const isFresh = mustBeFresh(dependencies, flow, session)
  const begin = {
    ...{ callback: callbackOf(issuer, provider), state, locales: [look.locale] },
    loginHint: hint ?? hintOf(dependencies, flow),
    // Who has a session already signs in because of that, and not to be let through by what they had done there long ago.
    ...{ fresh: isFresh || session !== undefined, mayBeOld: !isFresh },
  }
  try {
    const { go, memory } = await federation.providers.use(settings, async (opened) => {
      const { redirect } = opened
      // Who links has just signed in here: that has to do where there is no way to ask for more.
      const cannotAsk = (errand.kind === 'link' || !isFresh) && redirect?.neverFresh === true
      if (redirect) return redirect.start(cannotAsk ? { ...begin, fresh: false } : begin)
      throw new ProviderFailure('misconfigured', 'nobody is sent to a provider of this kind')
    })
    const waiting = errand.kind === 'sign_in' ? { ...errand, isFresh } : errand
    await federation.pending.begin({ provider, state, browser, errand: waiting, memory })
    return leadTo(look, go)
  } catch (error) {
    return noteProviderFailure(dependencies, provider, { address, request_id: requestId }, error)
  }
}

/** The provider of an address. Error: `not_found`. */
export function getProvider({ federation }: { readonly federation: Federation }, name: string): ProviderSettings {
  const settings = federation.providers.find(name)
  if (!settings) {
    const needed = 'the name of a provider in the configuration'
    throw new GatehouseError('not_found', { cause: new Error('no provider has this name'), needed })
  }
  return settings
}

/** Where a provider sends people back to. */
export const callbackOf = (issuer: string, provider: string): string =>
  issuer + ofProvider(paths.federationCallback, provider)

/** Sends a browser there, by an address or by a form. */
export const leadTo = (look: Look, go: Going, cookies: readonly string[] = []): Answer =>
  'url' in go
    ? redirectTo(go.url, cookies)
    : renderFormPost(look, { redirectUri: go.form.action, fields: Object.entries(go.form.fields), cookies })

function hintOf({ authorization }: SendingDependencies, flow: Flow): string | undefined {
  return flow.kind === 'authorize' ? authorization.requestOf(flow).loginHint : undefined
}

/** Whether they have to prove anew who they are: an app asks for that, or they have just been sent to sign in again. */
function mustBeFresh({ authorization }: SendingDependencies, flow: Flow, session: BrowserSession | undefined): boolean {
  if (flow.kind === 'account') return session !== undefined
  if (flow.kind === 'device') return decisionParametersOf(flow).maxAge !== undefined
  if (flow.kind !== 'authorize') return false
  const { prompt, maxAge } = authorization.requestOf(flow)
  return maxAge !== undefined || prompt.includes('login')
}
