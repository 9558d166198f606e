import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import type { UserRow } from '@gatehouse/store/rows'
import type { Tables } from '@gatehouse/store/store'
import * as Type from 'typebox'
import { ownerPage } from '../account/owner.ts'
import type { AddedFactor } from '../domain/add-factor.ts'
import type { KeyRing } from '../domain/key-rings.ts'
import { sealUnder, unsealUnder } from '../domain/ring-sealing.ts'
import { amrOf } from '../domain/second-factors.ts'
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
import { renderErrorPage } from '../pages/error-page.ts'
import { Html } from '../pages/html.ts'
import type { Look } from '../pages/look.ts'
import { redirectTo } from '../pages/page.ts'
import { renderEnrol, renderRecoveryCodes } from '../pages/second-factor.ts'
import { completeInBrowser, goOn } from './go-on.ts'
import { holdAccount } from './hold-account.ts'
import { findHalf, type SecondFactorDependencies, targetsOf } from './second-factor.ts'

export interface EnrolDependencies extends SecondFactorDependencies {
  /** For the secret on its way through the page. */
  readonly factorRing: KeyRing
}

const formSchema = Type.Object({
  flow: Type.String(),
  sealed: Type.String({ maxLength: 400 }),
  name: Type.Optional(Type.String({ maxLength: 60 })),
  code: Type.Optional(Type.String({ maxLength: 20 })),
})

type EnrolForm = Type.Static<typeof formSchema>

/** The page on which people set up an authenticator app who cannot sign in without one. */
export function enrolFactorEndpoints(dependencies: EnrolDependencies): readonly Endpoint[] {
  const described = { ...ownerPage, path: paths.loginEnrol }
  return [
    defineEndpoint({
      ...described,
      method: 'GET',
      summary: 'The page on which people set up the second factor that they need',
      bodyKind: 'none',
      async handle(http) {
        const flow = await dependencies.flows.get(http, parseForm(http.query).flow)
        const user = await getWithoutFactor(dependencies, http.headers, flow)
        return showEnrolment(dependencies, http.look, {
          ...{ flow, user, action: paths.loginEnrol, isRequired: true },
          leadsTo: targetsOf(dependencies, flow),
        })
      },
    }),
    defineEndpoint({
      ...described,
      method: 'POST',
      summary: 'Takes the first code of the app',
      bodyKind: 'form',
      body: formSchema,
      refuseQuery: true,
      handle: (request) => confirm(dependencies, request),
    }),
  ]
}

/** Only who has no second factor may set one up half signed in: else the password alone would be enough. */
export async function getWithoutFactor(
  dependencies: EnrolDependencies,
  headers: EndpointRequest<never>['headers'],
  flow: Flow,
): Promise<UserRow> {
  const half = flow.half && (await findHalf(dependencies, headers, flow))
  if (!half || (await dependencies.secondFactors.methodsOf(half.user.id)).length > 0) {
    throw signInFirst()
  }
  return half.user
}

/**
 * Holds, in the transaction that adds a factor, what {@link getWithoutFactor} has found: the account as it was, without a
 * factor, and the flow. Errors: `forbidden`, `not_found`. Threat: a factor of somebody's with the old password, added while the
 * owner sets a new one, or sets up their own.
 */
export async function holdHalf(
  { flows }: Pick<EnrolDependencies, 'flows'>,
  tables: Tables,
  { flow, user }: { readonly flow: Flow; readonly user: UserRow },
): Promise<void> {
  const isHeld = await tables.users.hold(user)
  if (!isHeld || !flow.half || (await tables.factors.listByUser(user.id)).length > 0) throw signInFirst()
  await flows.prove(tables, flow, flow.half)
}

const signInFirst = (): GatehouseError => new GatehouseError('forbidden', { description: 'Sign in first' })

/** What a page of enrolment is for. */
export interface EnrolmentPage {
  readonly flow: Flow
  readonly user: UserRow
  readonly action: string
  readonly isRequired: boolean
  readonly leadsTo: readonly string[]
  /** The secret of the page before, where its code was wrong. */
  readonly secret?: string
  readonly isWrong?: boolean
}

const placeOf = (flow: Flow, user: UserRow): string => `enrolment:${flow.id}:${user.id}`

/** Shows a secret, and keeps it nowhere but sealed in the page's own form. */
export async function showEnrolment(
  { secondFactors, factorRing }: Pick<EnrolDependencies, 'secondFactors' | 'factorRing'>,
  look: Look,
  { flow, user, secret, isWrong = false, ...page }: EnrolmentPage,
): Promise<Answer> {
  const { text, uri } = await secondFactors.secretFor(user, secret)
  // Loaded when it is used: a start need not wait for it.
  const { default: qrcode } = await import('qrcode')
  return renderEnrol(look, {
    flow: flow.id,
    secret: text,
    sealed: sealUnder(factorRing, text, placeOf(flow, user)),
    qr: new Html(await qrcode.toString(uri, { type: 'svg', margin: 1, width: 200 })),
    passkeyAddress: page.isRequired ? `${paths.loginEnrolPasskey}?flow=${flow.id}` : undefined,
    ...page,
    ...(isWrong ? { status: 401, error: look.text('enrol.wrong') } : {}),
  })
}

/** The secret of an enrolment form. Error: `invalid_request` for one of another flow or user. */
export function openEnrolment(
  { factorRing }: Pick<EnrolDependencies, 'factorRing'>,
  flow: Flow,
  user: UserRow,
  sealed: string,
): string {
  const secret = unsealUnder(factorRing, sealed, placeOf(flow, user))
  if (secret === undefined)
    throw new GatehouseError('invalid_request', { description: 'This page is not the newest; begin again' })
  return secret
}

async function confirm(dependencies: EnrolDependencies, http: EndpointRequest<EnrolForm>): Promise<Answer> {
  const { issuer, flows, secondFactors } = dependencies
  const { body, headers, address, requestId, look } = http
  checkSameOrigin(headers, issuer)
  const flow = await flows.get(http, body.flow)
  const user = await getWithoutFactor(dependencies, headers, flow)
  const secret = openEnrolment(dependencies, flow, user, body.sealed)
  const by = { actor: user.id, address, request_id: requestId }
  const hold = (tables: Tables): Promise<void> => holdHalf(dependencies, tables, { flow, user })
  const enrolled = await secondFactors
    .enrol({ user, secret, code: body.code ?? '', name: body.name ?? '', hold }, by)
    .catch((error: unknown) => {
      if (error instanceof GatehouseError && error.code === 'invalid_credentials') return undefined
      throw error
    })
  if (!enrolled) {
    return showEnrolment(dependencies, look, {
      ...{ flow, user, secret, action: paths.loginEnrol, isRequired: true },
      leadsTo: targetsOf(dependencies, flow),
      isWrong: true,
    })
  }
  return completeEnrolment(dependencies, http, { flow, user, added: enrolled, amr: [amrOf.totp] })
}

/** Completes the sign-in of somebody who has just set up the factor that they need. */
export async function completeEnrolment(
  dependencies: EnrolDependencies,
  http: BrowserRequest,
  { flow, user, added, amr: shown }: CompletedEnrolment,
): Promise<Answer> {
  const amr = nameFactors([...(flow.half?.amr ?? []), ...shown])
  const judged = nextStep(user, { amr, methods: [], isRemembered: false, isRequired: true })
  if (judged.step !== 'issue') throw new GatehouseError('forbidden', { cause: new Error(judged.step) })
  const completed = await completeInBrowser(dependencies, http, flow, {
    ...{ user, acr: judged.acr, amr, providerSession: flow.half?.providerSession ?? null },
    async alongside(tables) {
      await holdAccount(tables, user)
      return []
    },
  })
  const { recoveryCodes } = added
  if (!recoveryCodes) return goOn(dependencies, http, completed)
  const next = flow.kind !== 'sign_in' ? `${paths.loginContinue}?flow=${flow.id}` : paths.accountSecurity
  return renderRecoveryCodes(http.look, { codes: recoveryCodes, next, cookies: completed.cookies })
}

/** What was set up, and what that has shown. */
interface CompletedEnrolment {
  readonly flow: Flow
  readonly user: UserRow
  readonly added: AddedFactor
  readonly amr: readonly string[]
}

/** Where recovery codes were shown in between, the flow goes on from here. */
export function continueEndpoint(dependencies: EnrolDependencies): Endpoint {
  return defineEndpoint({
    method: 'GET',
    path: paths.loginContinue,
    summary: 'Goes on with what somebody has signed in for',
    bodyKind: 'none',
    answers: { 200: null, 303: null },
    errors: ['not_found', 'temporarily_unavailable'],
    errorPage: renderErrorPage,
    async handle(http) {
      const flow = await dependencies.flows.get(http, parseForm(http.query).flow)
      const browser = await dependencies.browserSessions.find(http.headers)
      return browser
        ? goOn(dependencies, http, { flow, browser, cookies: [] })
        : redirectTo(`${paths.login}?flow=${flow.id}`)
    },
  })
}
