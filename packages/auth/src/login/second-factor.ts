import type { Seconds } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import type { SessionRow, UserRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'
import * as Type from 'typebox'
import { twoFactors } from '../domain/acr.ts'
import { answerLength, parseAssertion } from '../domain/passkey-answers.ts'
import type { Passkeys } from '../domain/passkeys.ts'
import type { RememberedDevices } from '../domain/remembered-devices.ts'
import { factorMethods, type SecondFactors } from '../domain/second-factors.ts'
import type { AuthorizationFlow } from '../flow/authorization.ts'
import type { Flow } from '../flow/flows.ts'
import { nameFactors, nextStep } from '../flow/next-step.ts'
import {
  type Answer,
  type BrowserRequest,
  defineEndpoint,
  type Endpoint,
  type EndpointRequest,
} from '../http/endpoint.ts'
import { parseForm } from '../http/read-body.ts'
import { checkSameOrigin } from '../http/same-origin.ts'
import type { MessageKey } from '../messages/catalogue.ts'
import { renderErrorPage } from '../pages/error-page.ts'
import type { Look } from '../pages/look.ts'
import { redirectTo } from '../pages/page.ts'
import { renderSecondFactor } from '../pages/second-factor.ts'
import { type CompletionDependencies, completeInBrowser, goOn } from './go-on.ts'
import { holdAccount } from './hold-account.ts'
import type { RefusalDependencies } from './refuse-sign-in.ts'
import { type ShownFactor, showFactor } from './show-factor.ts'

export interface SecondFactorDependencies extends CompletionDependencies, RefusalDependencies {
  readonly issuer: string
  readonly store: Store
  readonly secondFactors: SecondFactors
  readonly passkeys: Passkeys
  readonly rememberedDevices: RememberedDevices
  readonly rememberFor: () => Seconds
  readonly authorization: AuthorizationFlow
}

const formSchema = Type.Object({
  flow: Type.String(),
  method: Type.Union(factorMethods.map((method) => Type.Literal(method))),
  code: Type.Optional(Type.String({ maxLength: 100 })),
  answer: Type.Optional(Type.String({ maxLength: answerLength, description: 'A passkey’s assertion as JSON' })),
  remember: Type.Optional(Type.String()),
})

type FactorForm = Type.Static<typeof formSchema>

/** The page on which people show a second factor: after the password, or where an app asks for a stronger sign-in. */
export function secondFactorEndpoints(dependencies: SecondFactorDependencies): readonly Endpoint[] {
  return [
    defineEndpoint({
      method: 'GET',
      path: paths.loginFactor,
      summary: 'The page on which people show a second factor',
      bodyKind: 'none',
      answers: { 200: null, 303: null },
      errors: ['not_found', 'temporarily_unavailable'],
      errorPage: renderErrorPage,
      async handle(http) {
        const flow = await dependencies.flows.get(http, parseForm(http.query).flow)
        const half = await findHalf(dependencies, http.headers, flow)
        if (!half) return redirectTo(`${paths.login}?flow=${flow.id}`)
        return goOnElsewhereShown(dependencies, http, flow, half) ?? show(dependencies, http.look, flow, half.user)
      },
    }),
    defineEndpoint({
      method: 'POST',
      path: paths.loginFactor,
      summary: 'Takes the code, or the passkey, of that page',
      bodyKind: 'form',
      body: formSchema,
      answers: { 200: null, 303: null },
      errors: ['invalid_request', 'forbidden', 'not_found', 'too_many_requests', 'temporarily_unavailable'],
      refuseQuery: true,
      errorPage: renderErrorPage,
      handle: (request) => check(dependencies, request),
    }),
  ]
}

/** Somebody who has proven something, but not enough. */
export interface HalfInBrowser {
  readonly user: UserRow
  readonly amr: readonly string[]
  /** The session at an outside provider that says so, by id. */
  readonly providerSession: string | null
  /** The session that says so; undefined = it was proven in this flow. */
  readonly session: SessionRow | undefined
}

/**
 * Who is half signed in: by the password, in this flow; or by a session of this browser that is not strong enough, for as
 * long as that lasts.
 */
export async function findHalf(
  { store, browserSessions }: Pick<SecondFactorDependencies, 'store' | 'browserSessions'>,
  headers: EndpointRequest<never>['headers'],
  flow: Flow,
): Promise<HalfInBrowser | undefined> {
  if (flow.half) {
    const user = await store.users.findById(flow.half.user)
    return user?.status === 'active' ? { ...flow.half, user, session: undefined } : undefined
  }
  const browser = await browserSessions.find(headers)
  // What was proven of a passkey's holder goes on to count beside another factor, though not alone: as a password does.
  const proven = browser && (await store.sessions.findById(browser.session.id))
  if (!proven) return undefined
  return { ...browser, amr: proven.amr.split(' '), providerSession: proven.provider_session }
}

/**
 * Goes on where another tab of this browser has shown the factor meanwhile: its code is used up, and the next one is half a
 * minute away. What the flow asks for besides is judged as ever.
 */
function goOnElsewhereShown(
  dependencies: SecondFactorDependencies,
  http: BrowserRequest,
  flow: Flow,
  { user, session }: HalfInBrowser,
): Promise<Answer> | undefined {
  if (session?.acr !== twoFactors) return undefined
  return goOn(dependencies, http, { flow, browser: { user, session }, cookies: [] })
}

interface Shown {
  readonly error?: MessageKey
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
}

async function show(
  dependencies: SecondFactorDependencies,
  look: Look,
  flow: Flow,
  user: UserRow,
  { error, ...shown }: Shown = {},
): Promise<Answer> {
  const { secondFactors, passkeys, rememberFor } = dependencies
  const methods = await secondFactors.methodsOf(user.id)
  const place = { flow: flow.id, user: user.id }
  return renderSecondFactor(look, {
    flow: flow.id,
    methods,
    passkeyOptions: methods.includes('passkey') ? await passkeys.beginAssertion(place) : undefined,
    rememberDays: Math.floor(rememberFor() / 86_400),
    leadsTo: targetsOf(dependencies, flow),
    ...shown,
    error: error && look.text(error),
  })
}

/** Where the answer to a form of the flow may lead. */
export const targetsOf = (
  { authorization }: { readonly authorization: AuthorizationFlow },
  flow: Flow,
): readonly string[] => (flow.kind === 'authorize' ? [authorization.requestOf(flow).redirectUri] : [])

async function check(dependencies: SecondFactorDependencies, http: EndpointRequest<FactorForm>): Promise<Answer> {
  const { issuer, flows } = dependencies
  const { body, headers, address, requestId, look } = http
  checkSameOrigin(headers, issuer)
  const flow = await flows.get(http, body.flow)
  const half = await findHalf(dependencies, headers, flow)
  if (!half) return redirectTo(`${paths.login}?flow=${flow.id}`)
  const proven = goOnElsewhereShown(dependencies, http, flow, half)
  if (proven) return proven
  const { user } = half
  const { method, code, answer } = body
  const assertion = answer === undefined ? undefined : parseAssertion(answer)
  const by = { address, request_id: requestId }
  try {
    const shown = await showFactor(dependencies, { user: user.id, method, code, assertion, flow: flow.id, by })
    if (!('why' in shown)) return await complete(dependencies, http, flow, half, shown)
    const error = method === 'passkey' ? 'passkey.wrong' : 'factor.wrong'
    return await show(dependencies, look, flow, user, { error, status: 401 })
  } catch (error) {
    if (!(error instanceof GatehouseError) || error.code !== 'too_many_requests') throw error
    const headersOfError = { 'retry-after': String(error.details.retryAfter ?? 60) }
    return show(dependencies, look, flow, user, { error: 'factor.too_many', status: 429, headers: headersOfError })
  }
}

async function complete(
  dependencies: SecondFactorDependencies,
  http: EndpointRequest<FactorForm>,
  flow: Flow,
  { user, amr: before, providerSession, session }: HalfInBrowser,
  shown: ShownFactor,
): Promise<Answer> {
  const { headers, body } = http
  const amr = nameFactors([...before, ...shown.amr])
  const judged = nextStep(user, { amr, methods: [], isRemembered: false, isRequired: false })
  if (judged.step !== 'issue') throw new GatehouseError('forbidden', { cause: new Error(judged.step) })
  const device = String(headers['user-agent'] ?? '').slice(0, 200)
  const completed = await completeInBrowser(dependencies, http, flow, {
    ...{ user, acr: judged.acr, amr, providerSession, beside: session },
    async alongside(tables) {
      await Promise.all([holdAccount(tables, user), shown.use(tables)])
      if (body.remember !== 'yes') return []
      const cookie = await dependencies.rememberedDevices.remember(tables, user.id, device)
      return cookie === undefined ? [] : [cookie]
    },
  })
  return goOn(dependencies, http, completed)
}
