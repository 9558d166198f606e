import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { BrowserApps, SignInDetour, WaitingForm } from '@gatehouse/core/contracts'
import { type ErrorDetails, GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import { challengeOf } from '@gatehouse/core/pkce'
import { randomToken } from '@gatehouse/core/random'
import type { Clock } from '@gatehouse/core/time'
import { appClientPrefix } from '@gatehouse/core/wire-names'
import type { GrantRow } from '@gatehouse/store/rows'
import type { AuditEvent } from '../domain/audit.ts'
import type { AuthorizationCodes } from '../domain/authorization-codes.ts'
import { hashCookie } from '../domain/browser-sessions.ts'
import type { Clients } from '../domain/clients.ts'
import { type ConfiguredApp, callbackOf } from '../domain/configured-app.ts'
import type { KeyRing } from '../domain/key-rings.ts'
import { sealUnder, unsealUnder } from '../domain/ring-sealing.ts'
import { accessOfCode, type TokenPairs } from '../domain/token-pairs.ts'
import { type AddressLimit, rowsFor } from '../http/address-limit.ts'
import type { Cookies } from '../http/cookies.ts'
import type { BodyReader } from '../http/read-body.ts'
import type { AppSessions } from './app-sessions.ts'
import { detourLifetime, type KeptForm, type KeptForms } from './kept-forms.ts'

/** Where somebody gets back to who has signed in. */
export interface Returned {
  readonly grant: GrantRow
  /** Path and query on the app's host. */
  readonly returnTo: string
  /** A form that this browser had sent: its id, or that it is somebody else's and is not there any more. */
  readonly form: string | 'of somebody else' | undefined
}

/** Takes browsers to the authorization endpoint and back. */
export interface AppSignIns {
  /** See `BrowserApps`; the request itself is needed only where its body is a form to be kept. */
  begin(
    request: IncomingMessage | Pick<IncomingMessage, 'headers'>,
    detour: Parameters<BrowserApps<IncomingMessage>['begin']>[1],
  ): Promise<SignInDetour>
  /** What waits for this browser to send it again, once somebody has signed in for it. Cost: one read. */
  findForm(
    request: Pick<IncomingMessage, 'headers'>,
    form: { readonly host: string; readonly id: string },
  ): Promise<(WaitingForm & Pick<KeptForm, 'asks'>) | undefined>
  /**
   * Takes up what the authorization endpoint has answered: a grant of the app. Errors: `invalid_request` where this browser
   * has not asked for it, or long ago, with where to start again; whatever the authorization endpoint said.
   */
  finish(
    app: ConfiguredApp,
    answer: Readonly<Record<string, string | undefined>>,
    headers: IncomingHttpHeaders,
    by: Pick<AuditEvent, 'address' | 'request_id'>,
  ): Promise<Returned>
}

interface Dependencies {
  readonly issuer: string
  readonly clock: Clock
  readonly ring: KeyRing
  readonly cookies: Cookies
  readonly clients: Clients
  readonly codes: AuthorizationCodes
  readonly tokenPairs: TokenPairs
  readonly keptForms: KeptForms
  readonly bodies: BodyReader
  /** What strangers begin, by address. */
  readonly beginnings: AddressLimit
  readonly findApp: (host: string) => ConfiguredApp | undefined
  /** Whose a browser's session is, also where it is over. */
  readonly findOwner: AppSessions['findOwner']
  /** Every scope that a route asks for. */
  readonly scopes: () => readonly string[]
}

/** What has to be remembered until somebody comes back: sealed, it is the request's `state`. */
interface Detour {
  readonly to: string
  /** Hash of the cookie of the browser that was sent. */
  readonly browser: string
  readonly verifier: string
  readonly until: number
  /** A kept form. */
  readonly form?: string
}

/** Longer addresses cannot be come back to: what is asked for here goes through an address itself. */
const longestReturn = 2000

const placeOf = (host: string): string => `app sign-in at ${host}`

export function createAppSignIns(dependencies: Dependencies): AppSignIns {
  const { clock, ring, cookies, clients, codes, tokenPairs, keptForms, beginnings, findApp } = dependencies

  const readState = (host: string, state: string | undefined): Detour | undefined => {
    const text = state === undefined ? undefined : unsealUnder(ring, state, placeOf(host))
    // What opens was sealed by `begin` below.
    return text === undefined ? undefined : (JSON.parse(text) as Detour)
  }

  const exchange = async (
    app: ConfiguredApp,
    code: string,
    verifier: string,
    by: Pick<AuditEvent, 'address' | 'request_id'>,
  ): Promise<GrantRow> => {
    const client = await clients.find(appClientPrefix + app.host)
    if (!client) throw new GatehouseError('not_found')
    const row = await codes.consume({ code, client, redirectUri: callbackOf(app), verifier, jkt: undefined, by })
    return tokenPairs.startGrantByCode(accessOfCode(row, client), row.hash, by, (grant) => grant)
  }

  /** Who is known to have sent it, or had a session here that is over, alone may send it again. */
  const keep = async (
    request: IncomingMessage,
    sent: {
      host: string
      target: string
      address: string
      browser: string
      sender: string | undefined
      asks: boolean
    },
  ): Promise<string> => {
    const { host, target, browser } = sent
    const type = request.headers['content-type'] ?? ''
    const body = await readBytes(dependencies.bodies, request)
    beginnings.take(sent.address, rowsFor(target + type + body))
    const sender = sent.sender ?? dependencies.findOwner(host, request.headers.cookie) ?? null
    const asks = sent.asks || sender === null
    return keptForms.keep(host, { target, type, body, browser: hashCookie(browser), sender, asks })
  }

  /** Gives a form to who has signed in, under a new id; what somebody else has begun is gone then. */
  const offer = async (host: string, id: string, user: string): Promise<Returned['form']> => {
    const form = await keptForms.take(host, id)
    if (form === undefined) return undefined
    if (form.sender !== null && form.sender !== user) return 'of somebody else'
    return keptForms.keep(host, { ...form, sender: user })
  }

  const findOf = async (headers: IncomingHttpHeaders, host: string, id: string): Promise<KeptForm | undefined> => {
    const browser = cookies.findBrowser(headers)
    const form = browser === undefined ? undefined : await keptForms.find(host, id)
    return browser !== undefined && form?.browser === hashCookie(browser) ? form : undefined
  }

  return {
    async begin(request, { host, returnTo, address, keepForm, sender, asks = true, acrValues, maxAge }) {
      const app = findApp(host)
      if (!app) throw new GatehouseError('not_found')
      const known = cookies.findBrowser(request.headers)
      const browser = known ?? randomToken(32)
      const verifier = randomToken(32)
      const form =
        keepForm && 'socket' in request
          ? await keep(request, { host, target: returnTo, address, browser, sender, asks })
          : undefined
      const detour: Detour = {
        to: returnTo.length > longestReturn ? '/' : returnTo,
        browser: hashCookie(browser),
        verifier,
        until: clock.now() + detourLifetime,
        ...(form === undefined ? {} : { form }),
      }
      const query = new URLSearchParams({
        client_id: appClientPrefix + app.host,
        redirect_uri: callbackOf(app),
        response_type: 'code',
        scope: ['openid', 'offline_access', ...dependencies.scopes()].join(' '),
        code_challenge: challengeOf(verifier),
        code_challenge_method: 'S256',
        state: sealUnder(ring, JSON.stringify(detour), placeOf(host)),
        // Essential, so that whoever cannot sign in like that is told so, and is not sent to and fro.
        ...(acrValues?.length ? { claims: essentialAcr(acrValues) } : {}),
        ...(maxAge === undefined ? {} : { max_age: String(maxAge) }),
      })
      return {
        location: `${dependencies.issuer}${paths.authorize}?${query}`,
        cookies: known === undefined ? [cookies.setBrowser(browser)] : [],
      }
    },

    async finish(app, answer, headers, by) {
      const detour = readState(app.host, answer.state)
      const browser = cookies.findBrowser(headers)
      // The same words for whatever does not fit. Threat: a sign-in of somebody else that is put under this browser.
      if (!detour || answer.iss !== dependencies.issuer) throw startAgain('/', 'the state is none of this host')
      // It may be one of several tabs that began at once, of which another one's cookie was kept.
      if (browser === undefined) throw startAgain(detour.to, 'the browser has sent no cookie', { lacksCookies: true })
      if (hashCookie(browser) !== detour.browser) throw startAgain(detour.to, 'the state is not that of this browser')
      if (detour.until <= clock.now()) throw startAgain(detour.to, 'it took too long')
      if (answer.error === 'unmet_authentication_requirements') throw cannotSignInLikeThat(dependencies.issuer)
      if (answer.code === undefined) throw startAgain(detour.to, `the sign-in failed: ${answer.error ?? 'no code'}`)
      const grant = await exchange(app, answer.code, detour.verifier, by).catch((error: unknown) => {
        if (error instanceof GatehouseError && error.code === 'invalid_grant') throw startAgain(detour.to, error)
        throw error
      })
      const form = detour.form === undefined ? undefined : await offer(app.host, detour.form, grant.user_id)
      return { grant, returnTo: detour.to, form }
    },

    async findForm({ headers }, { host, id }) {
      const form = await findOf(headers, host, id)
      if (form?.sender == null) return undefined
      const { target, type, body, sender, asks } = form
      return {
        ...{ id, target, type, sender, asks, body },
        take: async () => (await keptForms.take(host, id)) !== undefined,
        // It did not go by itself this time: whoever sends it again is asked.
        putBack: () => keptForms.putBack(host, id, { ...form, asks: true }),
      }
    },
  }
}

const startAgain = (to: string, why: string | Error, more: Pick<ErrorDetails, 'lacksCookies'> = {}): GatehouseError =>
  new GatehouseError('invalid_request', {
    ...more,
    startAgain: to,
    cause: typeof why === 'string' ? new Error(why) : why,
  })

const cannotSignInLikeThat = (issuer: string): GatehouseError =>
  new GatehouseError('forbidden', {
    cause: new Error('the account has no second factor'),
    // The account is on the issuer's host, which need not be the app's.
    addFactorAt: issuer + paths.accountSecurity,
  })

/** Spec: OpenID Connect Core section 5.5.1.1. */
const essentialAcr = (values: readonly string[]): string =>
  JSON.stringify({ id_token: { acr: { essential: true, values } } })

const readBytes = (bodies: BodyReader, request: IncomingMessage): Promise<string> =>
  new Promise((resolve, reject) => {
    bodies.readBytes(request, (error, text) => (error ? reject(error) : resolve(text)))
  })
