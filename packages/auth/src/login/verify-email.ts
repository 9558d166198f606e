import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import type { UserRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'
import * as Type from 'typebox'
import type { EmailChanges } from '../domain/email-change.ts'
import type { PendingAccount, SignUps } from '../domain/sign-up.ts'
import type { AuthorizationFlow } from '../flow/authorization.ts'
import { nextStep } from '../flow/next-step.ts'
import type { Cookies } from '../http/cookies.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { parseForm } from '../http/read-body.ts'
import { checkSameOrigin } from '../http/same-origin.ts'
import type { Look } from '../pages/look.ts'
import { renderLinkGone } from '../pages/mailed.ts'
import { renderSignInFirst, renderVerify, renderVerifyChange } from '../pages/sign-up.ts'
import { tellWeakness } from '../pages/weak-password.ts'
import { findAsker } from './browser-asker.ts'
import { type CompletionDependencies, goOnOrAsk, takeSignIn } from './go-on.ts'
import { mailedPage } from './mailed-page.ts'
import { resumeFlow } from './resume-flow.ts'
import { targetsOf } from './second-factor.ts'
import type { SignedInUser } from './signed-in-user.ts'

interface Dependencies extends CompletionDependencies {
  readonly issuer: string
  readonly store: Store
  readonly cookies: Cookies
  readonly authorization: AuthorizationFlow
  readonly signUps: SignUps
  readonly emailChanges: EmailChanges
  readonly minimumPasswordLength: () => number
  readonly requiresSecondFactor: (user: UserRow) => Promise<boolean>
}

const formSchema = Type.Object({
  flow: Type.String(),
  token: Type.String({ maxLength: 100 }),
  password: Type.Optional(Type.String()),
})

type VerifyForm = Type.Static<typeof formSchema>

/** Where links lead by which people confirm an address: of a new account, or of their own. */
export const verifyEmailEndpoints = (dependencies: Dependencies): readonly Endpoint[] => [
  defineEndpoint({
    ...mailedPage,
    method: 'GET',
    path: paths.verify,
    summary: 'The page that a link for confirming an address opens; looking at it changes nothing',
    query: Type.Object({ token: Type.String() }),
    bodyKind: 'none',
    handle: (request) => show(dependencies, request),
  }),
  defineEndpoint({
    ...mailedPage,
    method: 'POST',
    path: paths.verifyForm,
    summary: 'Opens the account of the link, and signs in to it',
    bodyKind: 'form',
    body: formSchema,
    refuseQuery: true,
    handle: (request) => verify(dependencies, request),
  }),
]

async function show(dependencies: Dependencies, request: EndpointRequest<unknown>): Promise<Answer> {
  const { token = '' } = parseForm(request.query)
  const pending = await dependencies.signUps.find(token, findAsker(dependencies, request.headers))
  return pending ? showPending(dependencies, request, token, pending) : showChange(dependencies, request, token)
}

async function showPending(
  dependencies: Dependencies,
  request: EndpointRequest<unknown>,
  token: string,
  pending: PendingAccount,
): Promise<Answer> {
  const { flow, cookies } = await resumeFlow(dependencies, request, pending.flow)
  return renderVerify(request.look, {
    ...{ flow: flow.id, token, email: pending.email, cookies },
    choose: pending.needsPassword ? { minimum: dependencies.minimumPasswordLength() } : undefined,
    leadsTo: targetsOf(dependencies, flow),
  })
}

/** A new address counts for who is signed in to the account alone; whoever is not learns nothing of the link. */
async function showChange(
  { browserSessions, emailChanges, flows }: Dependencies,
  request: EndpointRequest<unknown>,
  token: string,
): Promise<Answer> {
  const browser = await browserSessions.find(request.headers)
  if (!browser) return token.startsWith('ghe_') ? renderSignInFirst(request.look) : renderLinkGone(request.look)
  const email = await emailChanges.find(token, browser.user)
  if (email === undefined) return renderLinkGone(request.look, paths.accountProfile)
  const { flow, cookies } = await flows.begin(request, { kind: 'account', parameters: '{}' })
  return renderVerifyChange(request.look, { flow: flow.id, token, email, username: browser.user.username, cookies })
}

async function verify(dependencies: Dependencies, request: EndpointRequest<VerifyForm>): Promise<Answer> {
  const { issuer, flows, signUps, minimumPasswordLength } = dependencies
  const { body, headers, address, requestId, look } = request
  checkSameOrigin(headers, issuer)
  const flow = await flows.get(request, body.flow)
  const asker = findAsker(dependencies, headers)
  try {
    const { token, password } = body
    const account = await signUps.build({ token, asker, password }, { address, request_id: requestId })
    const judged = await judgeNewAccount(dependencies, account)
    return await goOnOrAsk(dependencies, request, flow, await takeSignIn(dependencies, request, flow, judged))
  } catch (error) {
    if (!(error instanceof GatehouseError)) throw error
    const pending = await signUps.find(body.token, asker)
    if (error.code !== 'weak_password' || !pending) return tellRefusal(look, error)
    return renderVerify(look, {
      ...{ flow: flow.id, token: body.token, email: pending.email, cookies: [] },
      choose: { minimum: minimumPasswordLength() },
      leadsTo: targetsOf(dependencies, flow),
      error: tellWeakness(look, error, minimumPasswordLength()),
      status: error.status,
    })
  }
}

/** The owner of a new account has just chosen its password, and that is what they have proven. */
export async function judgeNewAccount(
  { requiresSecondFactor }: Pick<Dependencies, 'requiresSecondFactor'>,
  { user, alongside }: Pick<SignedInUser, 'user' | 'alongside'>,
): Promise<SignedInUser> {
  const amr = ['pwd']
  const isRequired = await requiresSecondFactor(user)
  const next = nextStep(user, { amr, methods: [], isRemembered: false, isRequired })
  if (next.step === 'refuse') throw new GatehouseError('forbidden', { cause: new Error(next.why) })
  return { user, next, amr, providerSession: null, alongside }
}

function tellRefusal(look: Look, error: GatehouseError): Answer {
  if (error.details.members?.reason === 'link_gone') return renderLinkGone(look, paths.signUp)
  // Somebody has got this address meanwhile; whoever has the link reads its mails, and may know.
  if (error.code === 'already_exists') return renderLinkGone(look, paths.recover)
  throw error
}
