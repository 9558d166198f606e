import { GatehouseError } from '@gatehouse/core/errors'
import type { JsonObject } from '@gatehouse/core/json'
import { paths } from '@gatehouse/core/paths'
import type { Clock } from '@gatehouse/core/time'
import type { DecoupledRequestRow } from '@gatehouse/store/rows'
import type { Store, Tables } from '@gatehouse/store/store'
import { twoFactors } from '../domain/acr.ts'
import { recordEvent } from '../domain/audit.ts'
import type { BackchannelLimit } from '../domain/backchannel-limit.ts'
import type { BackchannelPings } from '../domain/backchannel-pings.ts'
import type { BrowserSession, BrowserSessions } from '../domain/browser-sessions.ts'
import type { Client, Clients } from '../domain/clients.ts'
import { type DecoupledRequests, overError } from '../domain/decoupled-requests.ts'
import { standingOf } from '../domain/effective-access.ts'
import { factorMomentOf } from '../domain/factor-age.ts'
import { noteClient } from '../domain/note-client.ts'
import type { SecondFactors } from '../domain/second-factors.ts'
import type { Subjects } from '../domain/subjects.ts'
import { type Acting, type ActingUsers, isShownTo } from '../flow/acting.ts'
import type { Offer } from '../flow/agreement.ts'
import type { AuthorizationFlow } from '../flow/authorization.ts'
import type { Flow, Flows } from '../flow/flows.ts'
import { isTooOld, judgeStrength } from '../flow/next-step.ts'
import type { Answer, EndpointRequest } from '../http/endpoint.ts'
import { type DescribedDetail, renderConsent } from '../pages/consent.ts'
import { renderDecided, requestNotes } from '../pages/device.ts'
import { redirectTo } from '../pages/page.ts'

export interface DecisionDependencies {
  readonly store: Store
  readonly clock: Clock
  readonly clients: Clients
  readonly flows: Flows
  readonly browserSessions: BrowserSessions
  readonly subjects: Subjects
  readonly secondFactors: Pick<SecondFactors, 'methodsOf'>
  readonly authorization: Pick<AuthorizationFlow, 'offerFor'>
  readonly actingUsers: ActingUsers
  readonly decoupledRequests: DecoupledRequests
  readonly backchannelLimit: Pick<BackchannelLimit, 'decided'>
  readonly pings: Pick<BackchannelPings, 'send'>
  readonly describeDetails: (details: readonly JsonObject[]) => readonly DescribedDetail[]
}

/** What a flow of the kind `device` is about: one request, or all that wait for whoever signs in. */
export interface DecisionParameters {
  /** The hash of the request. */
  readonly request?: string
  /** Seconds since the sign-in that are too long for its client. */
  readonly maxAge?: number
}

/** The parameters of a flow. Error: `not_found` where it is of another kind. */
export function decisionParametersOf(flow: Flow): DecisionParameters {
  if (flow.kind !== 'device') throw new GatehouseError('not_found')
  return JSON.parse(flow.parameters) as DecisionParameters // written by `beginDecision` below
}

/** Begins a flow towards the page that {@link showDecision} shows, or towards the list where no request is named. */
export async function beginDecision(
  { flows, clients }: Pick<DecisionDependencies, 'flows' | 'clients'>,
  http: Pick<EndpointRequest<unknown>, 'headers' | 'address'>,
  row?: Pick<DecoupledRequestRow, 'hash' | 'client_id'>,
): Promise<Answer> {
  const maxAge = row && (await clients.find(row.client_id))?.defaultMaxAge
  const parameters: DecisionParameters = row ? { request: row.hash, ...(maxAge !== undefined && { maxAge }) } : {}
  const { flow, cookies } = await flows.begin(http, {
    kind: 'device',
    parameters: JSON.stringify(parameters),
  })
  const path = row ? paths.device : paths.pendingRequests
  return redirectTo(`${path}?flow=${flow.id}`, cookies)
}

/** A request, who asks, and what the user who looks at it could give. */
interface Decidable {
  readonly row: DecoupledRequestRow
  readonly client: Client
  readonly offer: Offer
}

/** Errors: `not_found` for what is over, or another user's; `forbidden` where the user has nothing to give. */
async function findDecidable(
  { clients, authorization, decoupledRequests }: DecisionDependencies,
  hash: string,
  acting: Acting,
): Promise<Decidable> {
  const row = await decoupledRequests.getPending(hash)
  if (row.kind === 'ciba' && row.user_id !== acting.user.id) throw overError()
  const client = await clients.find(row.client_id)
  if (!client) throw overError()
  const asked = {
    scope: row.scope,
    audiences: row.audience.split(' '),
    // Written from what was checked.
    ...(row.authorization_details === null
      ? {}
      : { authorizationDetails: JSON.parse(row.authorization_details) as readonly JsonObject[] }),
  }
  const offer = authorization.offerFor(asked, client, acting)
  if (offer.scope === '' && row.scope !== '') {
    throw new GatehouseError('forbidden', { description: 'This app asks for nothing that you could give it' })
  }
  return { row, client, offer }
}

/**
 * Whether somebody has signed in as lately and as strongly as the client is registered for, `default_max_age` and
 * `default_acr_values`: nothing in such a request says otherwise. And as strongly as their roles ask for: who has no factor sets
 * one up by signing in. Cost: one or two reads where the sign-in alone is not.
 */
async function judgeStrengthFor(
  { secondFactors, clock }: DecisionDependencies,
  { defaultMaxAge: maxAge, defaultAcrValues }: Client,
  flow: Flow,
  { user, access, session: { id, acr, auth_time: authTime } }: Acting,
): Promise<ReturnType<typeof judgeStrength> | 'sign_in'> {
  if (isTooOld({ maxAge }, { authTime, isFresh: flow.sessionId === id }, clock.now())) return 'sign_in'
  const asked = [defaultAcrValues, access.needsFactor ? [twoFactors] : undefined]
  if (judgeStrength(asked, { acr, reachableAcr: acr }) === 'enough') return 'enough'
  const canShow = (await secondFactors.methodsOf(user.id)).length > 0
  const strength = judgeStrength(asked, { acr, reachableAcr: canShow ? twoFactors : acr })
  return strength === 'unreachable' && access.needsFactor ? 'sign_in' : strength
}

/**
 * Shows who asks for what, and from where; sends to sign-in whoever has not signed in. It asks each time, whoever the client
 * is and however one came here. Spec: RFC 8628 sections 3.3 and 5.4. Threat: a code that somebody else has sent.
 */
export async function showDecision(
  dependencies: DecisionDependencies,
  http: EndpointRequest<unknown>,
  flow: Flow,
  hash: string,
): Promise<Answer> {
  const browser = await dependencies.browserSessions.find(http.headers)
  if (!browser) return redirectTo(`${paths.login}?flow=${flow.id}`)
  const choice = await dependencies.actingUsers.find(browser, undefined)
  if (choice.state !== 'settled') return redirectTo(`${paths.loginOrganisation}?flow=${flow.id}`)
  const { acting } = choice
  const { row, client, offer } = await findDecidable(dependencies, hash, acting)
  return renderConsent(http.look, {
    flow: flow.id,
    action: paths.device,
    client,
    username: acting.user.username,
    session: acting.session.id,
    organisation: acting.access.organisation,
    scope: offer.told,
    audiences: offer.audiences,
    details: dependencies.describeDetails(offer.details ?? []),
    notes: requestNotes(http.look, {
      message: row.binding_message,
      address: row.address,
      isDevice: row.kind === 'device',
    }),
  })
}

/** A decision as the page's form sends it. */
export interface SentDecision {
  readonly decision: 'allow' | 'deny'
  /** In which session the page was shown, and for which organisation. */
  readonly session: string
  readonly organisation?: string | undefined
}

/**
 * Takes a decision: what is approved is what was shown to this very user, once they have signed in as lately and as
 * strongly as the client is registered for and their roles need. The client is pinged where it wants to be. Error: `forbidden` where they cannot.
 */
export async function takeDecision(
  dependencies: DecisionDependencies,
  http: EndpointRequest<unknown>,
  flow: Flow,
  { decision, ...shown }: SentDecision,
): Promise<Answer> {
  const { request } = decisionParametersOf(flow)
  if (request === undefined) throw overError()
  const browser = await dependencies.browserSessions.find(http.headers)
  const choice = browser && (await dependencies.actingUsers.find(browser, undefined))
  // Somebody else may have signed in since the page was shown, or picked another organisation: then it is shown anew.
  if (choice?.state !== 'settled' || !isShownTo(choice.acting, shown)) {
    return redirectTo(`${paths.device}?flow=${flow.id}`)
  }
  const { acting } = choice
  const decidable = await findDecidable(dependencies, request, acting)
  const { row, client } = decidable
  // Whoever says no need not prove more for it.
  const strength = decision === 'allow' ? await judgeStrengthFor(dependencies, client, flow, acting) : 'enough'
  if (strength === 'sign_in') return redirectTo(`${paths.login}?flow=${flow.id}`)
  if (strength === 'factor') return redirectTo(`${paths.loginFactor}?flow=${flow.id}`)
  if (strength === 'unreachable') {
    throw new GatehouseError('forbidden', {
      description: 'This app needs a second factor: set one up in your account first',
    })
  }
  await dependencies.store.transaction(async (tables) => {
    const isDecided =
      decision === 'allow'
        ? await approve(dependencies, tables, decidable, acting)
        : await tables.decoupledRequests.deny({ hash: row.hash, now: dependencies.clock.now() })
    if (!isDecided) throw overError()
    await dependencies.backchannelLimit.decided(tables, row, acting.user.id, decision)
    await dependencies.flows.consume(tables, flow)
    await recordDecision(dependencies, tables, http, decision, decidable, acting)
  })
  // Never rejects, and nobody waits for it.
  void dependencies.pings.send(client, row)
  return renderDecided(http.look, {
    decision,
    client: client.name ?? client.id,
    more: row.kind === 'ciba' ? paths.pendingRequests : undefined,
  })
}

async function approve(
  { clock, subjects }: DecisionDependencies,
  tables: Tables,
  { row, client, offer }: Decidable,
  acting: Acting,
): Promise<boolean> {
  const { session, user, access } = acting
  const [isApproved] = await Promise.all([
    tables.decoupledRequests.approve({
      hash: row.hash,
      now: clock.now(),
      user_id: user.id,
      session_id: session.id,
      auth_time: session.auth_time,
      acr: session.acr,
      amr: session.amr,
      factor_at: factorMomentOf(session),
      ...standingOf(access, offer.scope),
      scope: offer.scope,
      authorization_details: offer.details ? JSON.stringify(offer.details) : null,
    }),
    noteClient({ subjects }, tables, client, acting),
  ])
  return isApproved
}

const recordDecision = (
  { clock }: DecisionDependencies,
  tables: Tables,
  { address, requestId }: EndpointRequest<unknown>,
  decision: SentDecision['decision'],
  { row, client, offer }: Decidable,
  { user, session }: BrowserSession,
): Promise<void> =>
  recordEvent(tables, clock, {
    type: decision === 'allow' ? 'consent_given' : 'consent_refused',
    result: 'ok',
    actor: user.id,
    target: client.id,
    client_id: client.id,
    session_id: session.id,
    address,
    request_id: requestId,
    detail: { scope: offer.scope, kind: row.kind, asked_from: row.address },
  })
