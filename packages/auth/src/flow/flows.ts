import { hash } from 'node:crypto'
import type { ClientId, SessionId, UserId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import { randomToken } from '@gatehouse/core/random'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { FlowRow } from '@gatehouse/store/rows'
import type { Store, Tables } from '@gatehouse/store/store'
import { hashCookie } from '../domain/browser-sessions.ts'
import { type AddressLimit, rowsFor } from '../http/address-limit.ts'
import type { Cookies } from '../http/cookies.ts'
import type { BrowserRequest } from '../http/endpoint.ts'

/** What somebody is in the middle of, as a page sees it. */
export interface Flow {
  /** Stands in the page's address and in its form: without the browser's cookie it is worth nothing. */
  readonly id: string
  readonly kind: FlowRow['kind']
  readonly parameters: string
  /** The session that was started or confirmed for it. */
  readonly sessionId: SessionId | null
  /** Who has proven something in it, and by which methods: not enough yet, and it opens nothing. */
  readonly half:
    | { readonly user: UserId; readonly amr: readonly string[]; readonly providerSession: string | null }
    | undefined
}

/** A flow that has just begun, and the cookie that goes with it where the browser had none. */
export interface BegunFlow {
  readonly flow: Flow
  readonly cookies: readonly string[]
}

/** Flows of one browser: each tab has its own, and none completes another. */
export interface Flows {
  /** Error: `too_many_requests` for an address that begins without end. */
  begin(
    http: Pick<BrowserRequest, 'headers' | 'address'>,
    flow: { readonly kind: FlowRow['kind']; readonly parameters: string; readonly clientId?: ClientId },
  ): Promise<BegunFlow>
  /**
   * The flow of this id, in the browser that began it. Errors: `not_found`, the same for a foreign, an unknown and an ended
   * one; for one that has taken too long, with an address at which the same begins anew, with nothing proven.
   */
  get(http: Pick<BrowserRequest, 'headers' | 'address'>, id: string | undefined): Promise<Flow>
  /** Notes, in the transaction of the proof, what somebody has proven in it who has to prove more. Error: `not_found`. */
  prove(tables: Tables, flow: Flow, half: NonNullable<Flow['half']>): Promise<void>
  /** Notes, in the sign-in's transaction, for which session the flow goes on. */
  attach(tables: Tables, flow: Flow, session: SessionId): Promise<void>
  /** Ends it, in the transaction of what it led to: of two answers to one flow, one is given. Error: `not_found`. */
  consume(tables: Tables, flow: Flow): Promise<void>
}

/** Seconds for which one can be in the middle of something (30 minutes). */
const flowLifetime = 1800
/** Seconds for which it is remembered what that was, so that one can begin it anew (12 hours). */
export const flowKeptFor = 43_200
/** What people can begin anew with by a click; the others are begun from a page of theirs. */
const restartable: ReadonlySet<FlowRow['kind']> = new Set(['authorize', 'device', 'account', 'join', 'sign_in'])
/** Flows that one browser can have at a time. */
const flowLimit = 50

const hashId = (id: string): string => hash('sha256', id, 'base64url')

export function createFlows({
  store,
  clock,
  cookies,
  beginnings,
}: {
  readonly store: Store
  readonly clock: Clock
  readonly cookies: Cookies
  /** Flows by address. */
  readonly beginnings: AddressLimit
}): Flows {
  const begin: Flows['begin'] = async ({ headers, address }, { kind, parameters, clientId }) => {
    beginnings.take(address, rowsFor(parameters))
    const known = cookies.findBrowser(headers)
    const browser = known ?? randomToken(32)
    const id = randomToken(16)
    const now = clock.now()
    const browser_hash = hashCookie(browser)
    await store.flows.insert({
      id_hash: hashId(id),
      kind,
      browser_hash,
      client_id: clientId ?? null,
      parameters,
      session_id: null,
      provider_session: null,
      user_id: null,
      proven: '',
      created_at: now,
      expires_at: seconds(now + flowKeptFor),
    })
    if (known !== undefined) await store.flows.removeAllBut({ browser_hash, keep: flowLimit })
    const flow: Flow = { id, kind, parameters, sessionId: null, half: undefined }
    return { flow, cookies: known === undefined ? [cookies.setBrowser(browser)] : [] }
  }

  /**
   * Tabs that a browser opens at once each get a cookie, and keep the last: the others are then those of another browser. What an
   * application asks for begins anew in this one. Who was sent a stranger's address could as well have been sent what
   * the stranger asked for.
   */
  const restartElsewhere = async (by: Parameters<Flows['begin']>[0], id: string): Promise<string | undefined> => {
    const asked = await store.flows.findAsked({ id_hash: hashId(id), now: clock.now() })
    if (!asked) return undefined
    const { parameters, client_id } = asked
    const { flow } = await begin(by, { kind: 'authorize', parameters, ...(client_id && { clientId: client_id }) })
    return `${paths.loginContinue}?flow=${flow.id}`
  }

  return {
    begin,

    async get({ headers, address }, id) {
      const browser = cookies.findBrowser(headers)
      if (browser === undefined) throw gone({ lacksCookies: true })
      if (id === undefined || !/^[\w-]{22}$/.test(id)) throw gone()
      const row = await store.flows.find({
        id_hash: hashId(id),
        browser_hash: hashCookie(browser),
        now: clock.now(),
      })
      if (!row) throw gone({ startAgain: await restartElsewhere({ headers, address }, id) })
      if (row.kind !== 'mfa' && row.created_at + flowLifetime <= clock.now()) {
        if (!restartable.has(row.kind)) throw gone()
        const { kind, parameters, client_id } = row
        const { flow } = await begin(
          { headers, address },
          { kind, parameters, ...(client_id && { clientId: client_id }) },
        )
        throw gone({ startAgain: `${paths.loginContinue}?flow=${flow.id}` })
      }
      const half =
        row.user_id === null
          ? undefined
          : { user: row.user_id, amr: row.proven.split(' '), providerSession: row.provider_session }
      return { id, kind: row.kind, parameters: row.parameters, sessionId: row.session_id, half }
    },

    async prove(tables, flow, { user, amr, providerSession }) {
      const proof = { user_id: user, proven: amr.join(' '), provider_session: providerSession }
      if (!(await tables.flows.prove({ id_hash: hashId(flow.id), ...proof }))) throw gone()
    },

    async attach(tables, flow, session) {
      if (!(await tables.flows.setSession({ id_hash: hashId(flow.id), session_id: session }))) throw gone()
    },

    async consume(tables, flow) {
      if (!(await tables.flows.consume(hashId(flow.id)))) throw gone()
    },
  }
}

const gone = ({
  startAgain,
  lacksCookies = false,
}: {
  readonly startAgain?: string | undefined
  readonly lacksCookies?: boolean
} = {}): GatehouseError =>
  new GatehouseError('not_found', {
    description: 'This page has expired, or belongs to another browser. Go back to the app and begin again.',
    ...(startAgain === undefined ? {} : { startAgain }),
    lacksCookies,
  })
