import type { ClientId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import { findRedirectUri } from '@gatehouse/core/redirect-uri'
import { parseScope } from '@gatehouse/core/scope'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { Store, Tables } from '@gatehouse/store/store'
import { twoFactors } from '../domain/acr.ts'
import type { AuthorizationCodes } from '../domain/authorization-codes.ts'
import type { BrowserSession, BrowserSessions } from '../domain/browser-sessions.ts'
import type { Client, Clients } from '../domain/clients.ts'
import { standingOf } from '../domain/effective-access.ts'
import { factorMomentOf } from '../domain/factor-age.ts'
import { noteClient } from '../domain/note-client.ts'
import type { SecondFactors } from '../domain/second-factors.ts'
import type { Subjects } from '../domain/subjects.ts'
import { openidScopes, scopesBehind } from '../domain/user-claims.ts'
import type { Standing } from '../federation/standing.ts'
import type { Answer, BrowserRequest } from '../http/endpoint.ts'
import type { Looks } from '../pages/look.ts'
import { redirectTo } from '../pages/page.ts'
import type { AuthorizationRequest } from '../protocol/authorization-request.ts'
import { answerAuthorization, type ResponseTarget, refuseAuthorization } from '../protocol/authorization-response.ts'
import { type IdTokenDependencies, idTokenFor } from '../protocol/id-token-answer.ts'
import type { JarmDependencies } from '../protocol/jarm.ts'
import type { Acting, ActingChoice, ActingUsers } from './acting.ts'
import { findConsent, mergeWords, needsConsent, type Offer, recordConsent } from './agreement.ts'
import { type Flow, type Flows, flowKeptFor } from './flows.ts'
import { nextAuthorizationStep } from './next-step.ts'

export interface AuthorizationDependencies extends IdTokenDependencies, JarmDependencies {
  readonly store: Store
  readonly clock: Clock
  readonly clients: Clients
  readonly flows: Flows
  readonly looks: Pick<Looks, 'remember'>
  readonly browserSessions: BrowserSessions
  readonly standing: Pick<Standing, 'checkSession'>
  readonly codes: AuthorizationCodes
  readonly subjects: Subjects
  readonly defaultAudience: () => string
  readonly secondFactors: Pick<SecondFactors, 'methodsOf'>
  readonly actingUsers: ActingUsers
}

/** Where an authorization request has got to. */
export interface AuthorizationProgress {
  readonly request: AuthorizationRequest
  readonly http: BrowserRequest
  /** Absent as long as nobody had to be asked anything. */
  readonly flow?: Flow
  /** The browser's session, where it is not the one of the request's cookie. */
  readonly browser?: BrowserSession
  /** To be set with the answer. */
  readonly cookies?: readonly string[]
  /** Whether the user has just agreed. */
  readonly hasAgreed?: boolean
}

/** What a client asks a user for. */
export type AskedAccess = Pick<AuthorizationRequest, 'scope' | 'audiences' | 'authorizationDetails' | 'claims'>

/** Goes on with authorization requests, wherever they have got to. */
export interface AuthorizationFlow {
  /** Does what the judge says comes next: asks the user for something, or answers the client. */
  proceed(progress: AuthorizationProgress): Promise<Answer>
  /** Tells the client that nothing comes of it. */
  fail(progress: AuthorizationProgress, error: GatehouseError): Promise<Answer>
  /** The request of a flow. Error: `not_found` where it is of another kind. */
  requestOf(flow: Flow): AuthorizationRequest
  /** What a user would be asked to agree to. */
  offerFor(request: AskedAccess, client: Client, acting: Acting): Offer
  getClient(request: AuthorizationRequest): Promise<Client>
}

export function createAuthorizationFlow(dependencies: AuthorizationDependencies): AuthorizationFlow {
  const {
    store,
    clock,
    clients,
    flows,
    looks,
    browserSessions,
    standing,
    subjects,
    defaultAudience,
    secondFactors,
    actingUsers,
  } = dependencies

  const getClient = async ({ clientId, redirectUri }: AuthorizationRequest): Promise<Client> => {
    const client = await clients.find(clientId)
    // What has been taken from a client meanwhile is not sent to any more.
    if (!client || findRedirectUri(redirectUri, client.redirectUris) === undefined)
      throw new GatehouseError('not_found', { description: 'The app that sent you here is gone' })
    return client
  }

  const offerFor = (request: AskedAccess, client: Client, { access }: Acting): Offer => {
    const ofOpenid: readonly string[] = openidScopes
    const canRefresh = client.grantTypes.has('refresh_token')
    const scope = [...(parseScope(request.scope) ?? [])].filter(
      (token) => (access.scopes.has(token) || ofOpenid.includes(token)) && (token !== 'offline_access' || canRefresh),
    )
    return {
      scope: scope.join(' '),
      told: mergeWords(scope.join(' '), scopesBehind(request.claims).join(' ')),
      audiences: request.audiences ?? [defaultAudience()],
      details: request.authorizationDetails,
    }
  }

  /** Looked up only where more may be asked for than was proven. */
  const reachableAcr = async (
    request: AuthorizationRequest,
    { user, session }: BrowserSession,
    needsFactor: boolean,
  ): Promise<string> => {
    const isAsked = request.acrValues !== undefined || request.essentialAcr !== undefined || needsFactor
    if (!isAsked || session.acr === twoFactors) return session.acr
    return (await secondFactors.methodsOf(user.id)).length > 0 ? twoFactors : session.acr
  }

  const isConsentNeeded = async (client: Client, request: AskedAccess, acting: Acting): Promise<boolean> =>
    needsConsent(client, await findConsent(store, client, acting), offerFor(request, client, acting))

  /**
   * Whoever goes on, unless the provider that their session rests on says no, or has said nothing for too long. Threat: a page that
   * comes after the sign-in, opened for a flow that the provider's silence has sent to sign in anew.
   */
  const findStanding = async ({ http, browser: known }: AuthorizationProgress): Promise<BrowserSession | undefined> => {
    const { headers, address, requestId } = http
    const browser = known ?? (await browserSessions.find(headers))
    if (browser?.session.provider_session == null) return browser
    try {
      await standing.checkSession(browser.session.id, { address, request_id: requestId })
      return browser
    } catch (error) {
      const isOver =
        error instanceof GatehouseError && ['invalid_grant', 'temporarily_unavailable'].includes(error.code)
      if (isOver) return undefined
      throw error
    }
  }

  const judge = async (
    client: Client,
    progress: AuthorizationProgress,
    browser: BrowserSession | undefined,
    choice: ActingChoice | undefined,
  ) => {
    const { request, flow } = progress
    const needsFactor = choice?.state === 'settled' && choice.acting.access.needsFactor
    const isNeeded = choice?.state === 'settled' && (await isConsentNeeded(client, request, choice.acting))
    return nextAuthorizationStep(
      {
        prompt: request.prompt,
        maxAge: request.maxAge,
        requiredSubject: request.requiredSubject,
        hintedSubject: request.hintedSubject,
        essentialAcr: request.essentialAcr,
        acrValues: request.acrValues ?? [],
      },
      browser && {
        subject: subjects.subjectFor(client, browser.user.id),
        authTime: browser.session.auth_time,
        acr: browser.session.acr,
        isFresh: flow !== undefined && flow.sessionId === browser.session.id,
        hasWornOff: browser.hasWornOff ?? false,
        reachableAcr: await reachableAcr(request, browser, needsFactor),
      },
      {
        organisation: choice?.state ?? 'open',
        needsFactor,
        consent: { isNeeded, isFresh: progress.hasAgreed ?? false },
      },
      clock.now(),
    )
  }

  const askOn = async (path: string, { request, http, flow, cookies = [] }: AuthorizationProgress): Promise<Answer> => {
    if (flow) return redirectTo(`${path}?flow=${flow.id}`, cookies)
    const begun = await flows.begin(http, {
      kind: 'authorize',
      parameters: JSON.stringify(request),
      clientId: request.clientId as ClientId, // of a client that was found
    })
    // Signing in may take longer than a pushed request waits for its user.
    if (request.pushedHash !== undefined) {
      await store.pushedRequests.keep(request.pushedHash, seconds(clock.now() + flowKeptFor))
    }
    return redirectTo(`${path}?flow=${begun.flow.id}`, [
      ...[...cookies, ...begun.cookies],
      ...looks.remember(request.uiLocales),
    ])
  }

  const fail = async (progress: AuthorizationProgress, error: GatehouseError): Promise<Answer> => {
    const client = await getClient(progress.request)
    const { flow } = progress
    const { pushedHash } = progress.request
    await store.transaction(async (tables) => {
      if (flow) await flows.consume(tables, flow)
      // Answered is answered, whatever the answer.
      if (pushedHash !== undefined) await tables.pushedRequests.consume(pushedHash)
    })
    const { look, requestId } = progress.http
    const { cookies } = progress
    return refuseAuthorization(dependencies, targetOf(client, progress.request), error, { look, requestId, cookies })
  }

  return {
    fail,
    getClient,
    offerFor,
    requestOf(flow) {
      if (flow.kind !== 'authorize') throw new GatehouseError('not_found')
      return JSON.parse(flow.parameters) as AuthorizationRequest // written by askOn above
    },

    async proceed(progress) {
      const client = await getClient(progress.request)
      const browser = await findStanding(progress)
      const choice = browser && (await actingUsers.find(browser, progress.request.organisation))
      const next = await judge(client, progress, browser, choice)
      switch (next.step) {
        case 'sign_in':
          return askOn(paths.login, progress)
        case 'factor':
          return askOn(paths.loginFactor, progress)
        case 'organisation':
          return askOn(paths.loginOrganisation, progress)
        case 'fail':
          return fail(progress, new GatehouseError(next.error, { cause: new Error(next.why) }))
        default: {
          if (choice?.state !== 'settled') {
            throw new GatehouseError('server_error', { cause: new Error('issue without a session') })
          }
          const { acting } = choice
          const offer = offerFor(progress.request, client, acting)
          if (offer.scope === '' && progress.request.scope !== '') return fail(progress, nothingToGive())
          return next.step === 'consent'
            ? askOn(paths.consent, progress)
            : issue(dependencies, client, progress, acting, offer)
        }
      }
    },
  }
}

const nothingToGive = (): GatehouseError =>
  new GatehouseError('access_denied', { description: 'The user may give none of the asked scopes' })

const targetOf = (client: Client, { redirectUri, mode, state }: AuthorizationRequest): ResponseTarget => ({
  client,
  redirectUri,
  mode,
  state,
})

/** Gives the client its code. Everything that it rests on is written in one transaction. */
async function issue(
  dependencies: AuthorizationDependencies,
  client: Client,
  progress: AuthorizationProgress,
  acting: Acting,
  offer: Offer,
): Promise<Answer> {
  const { store, codes } = dependencies
  const { request, flow } = progress
  const { session, user, access } = acting
  const content = {
    client_id: client.id,
    user_id: user.id,
    session_id: session.id,
    session_expires_at: session.expires_at,
    redirect_uri: request.redirectUri,
    code_challenge: request.codeChallenge ?? null,
    nonce: request.nonce ?? null,
    scope: offer.scope,
    audience: offer.audiences.join(' '),
    ...standingOf(access, offer.scope),
    claims: request.claims ? JSON.stringify(request.claims) : null,
    authorization_details: offer.details ? JSON.stringify(offer.details) : null,
    dpop_jkt: request.dpopJkt ?? null,
    auth_time: session.auth_time,
    acr: session.acr,
    amr: session.amr,
    factor_at: factorMomentOf(session),
    refreshable: isRefreshable(client, offer.scope) ? (1 as const) : (0 as const),
  }
  const code = await store.transaction(async (tables) => {
    const [issued] = await Promise.all([
      codes.issue(tables, content),
      flow && dependencies.flows.consume(tables, flow),
      consumePushed(tables, request),
      noteClient(dependencies, tables, client, acting),
      progress.hasAgreed && recordConsent(dependencies, tables, client, progress.http, acting, offer),
    ])
    return issued
  })
  const id_token =
    request.responseType === 'code id_token'
      ? await idTokenFor(dependencies, client, content, { nonce: request.nonce, code, state: request.state })
      : undefined
  const { http, cookies } = progress
  return answerAuthorization(dependencies, targetOf(client, request), { code, id_token }, { look: http.look, cookies })
}

/** OpenID clients say that they want to act while the user is away (OpenID Connect Core section 11); others just do. */
export function isRefreshable(client: Client, scope: string): boolean {
  if (!client.grantTypes.has('refresh_token')) return false
  const granted = scope.split(' ')
  return !granted.includes('openid') || granted.includes('offline_access')
}

/** A pushed request leads to one answer. Spec: RFC 9126 section 4. */
async function consumePushed(tables: Tables, { pushedHash }: AuthorizationRequest): Promise<void> {
  if (pushedHash !== undefined && !(await tables.pushedRequests.consume(pushedHash))) {
    throw new GatehouseError('invalid_request_uri')
  }
}
