import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import { type Clock, seconds } from '@gatehouse/core/time'
import * as Type from 'typebox'
import type { BrowserSession } from '../domain/browser-sessions.ts'
import type { Flow } from '../flow/flows.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { checkSameOrigin } from '../http/same-origin.ts'
import { type EnrolDependencies, openEnrolment, showEnrolment } from '../login/enrol-factor.ts'
import { renderSecurity } from '../pages/account.ts'
import { renderErrorPage } from '../pages/error-page.ts'
import { redirectTo } from '../pages/page.ts'
import { renderRecoveryCodes } from '../pages/second-factor.ts'

interface Dependencies extends EnrolDependencies {
  readonly clock: Clock
}

/** Seconds since the last sign-in after which changing a factor asks for a new one. Spec: ASVS 7.5.1. */
const recent = 300

const described = {
  answers: { 200: null, 303: null },
  errors: ['invalid_request', 'forbidden', 'not_found', 'temporarily_unavailable'] as const,
  errorPage: renderErrorPage,
}
const flowField = { flow: Type.String() }
const confirmSchema = Type.Object({
  ...flowField,
  sealed: Type.Optional(Type.String({ maxLength: 400 })),
  name: Type.Optional(Type.String({ maxLength: 60 })),
  code: Type.Optional(Type.String({ maxLength: 20 })),
})
const removeSchema = Type.Object({ ...flowField, factor: Type.String({ maxLength: 100 }) })

/** Where people see, add and remove their second factors. Changing anything asks for a sign-in of the last five minutes. */
export function securityEndpoints(dependencies: Dependencies): readonly Endpoint[] {
  const form = <Form extends { readonly flow: string }>(
    handle: (request: EndpointRequest<Form>, owner: Owner) => Promise<Answer>,
  ) => {
    return async (request: EndpointRequest<Form>): Promise<Answer> => {
      const owner = await findOwner(dependencies, request)
      return owner ? handle(request, owner) : signInFirst(dependencies, request)
    }
  }
  const { secondFactors } = dependencies
  return [
    defineEndpoint({
      ...described,
      method: 'GET',
      path: paths.accountSecurity,
      summary: 'The page on which people see and change their second factors',
      bodyKind: 'none',
      handle: (request) => showSecurity(dependencies, request),
    }),
    defineEndpoint({
      ...described,
      method: 'POST',
      path: paths.accountTotp,
      summary: 'Begins to set up an authenticator app, or takes its first code',
      bodyKind: 'form',
      body: confirmSchema,
      refuseQuery: true,
      handle: form((request: EndpointRequest<Type.Static<typeof confirmSchema>>, owner) =>
        enrol(dependencies, request, owner),
      ),
    }),
    defineEndpoint({
      ...described,
      method: 'POST',
      path: paths.accountRecoveryCodes,
      summary: 'Makes new recovery codes in the place of the old ones',
      bodyKind: 'form',
      body: Type.Object(flowField),
      refuseQuery: true,
      handle: form(async (request: EndpointRequest<{ readonly flow: string }>, { user }) => {
        if ((await secondFactors.methodsOf(user.id)).length === 0) throw new GatehouseError('not_found')
        const codes = await secondFactors.renewRecoveryCodes(user.id, actorOf(request, user))
        return renderRecoveryCodes({ codes, next: paths.accountSecurity })
      }),
    }),
    defineEndpoint({
      ...described,
      method: 'POST',
      path: paths.accountRemoveFactor,
      summary: 'Removes a second factor',
      bodyKind: 'form',
      body: removeSchema,
      refuseQuery: true,
      handle: form(async (request: EndpointRequest<Type.Static<typeof removeSchema>>, { user }) => {
        await secondFactors.remove(user.id, request.body.factor, actorOf(request, user))
        return redirectTo(paths.accountSecurity)
      }),
    }),
  ]
}

type Owner = BrowserSession & { readonly flow: Flow }

const actorOf = ({ address, requestId }: EndpointRequest<unknown>, user: BrowserSession['user']) => ({
  actor: user.id,
  address,
  request_id: requestId,
})

/** Whose account it is, if they have signed in lately in this browser, and the form is one of its own. */
async function findOwner(
  { issuer, flows, browserSessions, clock }: Dependencies,
  { headers, body }: EndpointRequest<{ readonly flow: string }>,
): Promise<Owner | undefined> {
  checkSameOrigin(headers, issuer)
  const flow = await flows.get(headers, body.flow)
  if (flow.kind !== 'account') throw new GatehouseError('not_found')
  const browser = await browserSessions.find(headers)
  if (!browser || browser.session.auth_time < seconds(clock.now() - recent)) return undefined
  return { ...browser, flow }
}

/** Sends to the sign-in page, and from there back here. */
async function signInFirst({ flows }: Dependencies, http: EndpointRequest<unknown>): Promise<Answer> {
  const begun = await flows.begin(http, { kind: 'account', parameters: '{}' })
  return redirectTo(`${paths.login}?flow=${begun.flow.id}`, begun.cookies)
}

async function showSecurity(dependencies: Dependencies, http: EndpointRequest<unknown>): Promise<Answer> {
  const { flows, browserSessions, secondFactors } = dependencies
  const browser = await browserSessions.find(http.headers)
  if (!browser) return signInFirst(dependencies, http)
  const { user } = browser
  const begun = await flows.begin(http, { kind: 'account', parameters: '{}' })
  const [factors, codesLeft] = await Promise.all([
    secondFactors.list(user.id),
    secondFactors.recoveryCodesLeft(user.id),
  ])
  return renderSecurity({ flow: begun.flow.id, username: user.username, factors, codesLeft, cookies: begun.cookies })
}

async function enrol(
  dependencies: Dependencies,
  request: EndpointRequest<Type.Static<typeof confirmSchema>>,
  { user, flow }: Owner,
): Promise<Answer> {
  const { sealed, name = '', code = '' } = request.body
  const page = { flow, user, action: paths.accountTotp, isRequired: false, formTargets: [] }
  if (sealed === undefined) return showEnrolment(dependencies, page)
  const secret = openEnrolment(dependencies, flow, user, sealed)
  try {
    const { recoveryCodes } = await dependencies.secondFactors.enrol(
      { user, secret, code, name },
      actorOf(request, user),
    )
    return recoveryCodes
      ? renderRecoveryCodes({ codes: recoveryCodes, next: paths.accountSecurity })
      : redirectTo(paths.accountSecurity)
  } catch (error) {
    if (!(error instanceof GatehouseError) || error.code !== 'invalid_credentials') throw error
    return showEnrolment(dependencies, {
      ...page,
      secret,
      error: 'The code is not right. Check the clock of your device.',
    })
  }
}
