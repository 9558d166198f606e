import { hash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Seconds, UserId } from '@gatehouse/core/brand'
import type { Revocation } from '@gatehouse/core/contracts'
import { asGatehouseError, GatehouseError } from '@gatehouse/core/errors'
import { randomToken } from '@gatehouse/core/random'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { SessionRow, UserRow } from '@gatehouse/store/rows'
import type { Store, Tables } from '@gatehouse/store/store'
import type { Cookies } from '../http/cookies.ts'
import { oneFactor, twoFactors } from './acr.ts'
import { recordEvent } from './audit.ts'
import { asStrongAsNow, isUnused } from './factor-age.ts'
import { latest, type Revocations } from './revocations.ts'
import { buildSession, endBeyond, endSession, type SessionLifetimes, type SessionLimits } from './sessions.ts'

/** A browser's session and whose it is. */
export interface BrowserSession {
  readonly session: SessionRow
  readonly user: UserRow
  /** Whether it began with a second factor that counts no longer: left out = no. Signing in anew may bring another. */
  readonly hasWornOff?: boolean
}

/**
 * When somebody has proven who they are, where an outside provider says so: a moment, or `unknown` where it may have been at
 * any time. Threat: a provider that answers silently for whoever sits at the browser, and makes an old sign-in a new one.
 */
export type ProvenAt = Seconds | 'unknown'

/** Somebody who has just proven in a browser who they are. */
export interface BrowserSignInProof {
  readonly user: UserRow
  readonly acr: string
  readonly amr: readonly string[]
  /** Left out: just now. */
  readonly provenAt?: ProvenAt | undefined
  readonly address: string
  readonly device: string
  readonly requestId: string
  readonly headers: IncomingHttpHeaders
  /** The session at an outside provider that it rests on, by id. */
  readonly providerSession: string | null
  /**
   * The session that a factor is added to, where nothing else has been proven: it stays as old as it is, and is not begun
   * anew where it has ended.
   */
  readonly beside?: Pick<SessionRow, 'id' | 'auth_time'> | undefined
  /** Further writes of the same transaction. */
  readonly alongside: (tables: Tables, session: SessionRow) => Promise<void>
}

/** Sessions of browsers: a cookie with 256 random bits, of which the store knows the hash. */
export interface BrowserSessions {
  /**
   * The session of the cookie, if it lasts, is in use, and its user may still sign in; as strong as it is by now. Cost:
   * nothing without the cookie, else two reads, and a write a minute.
   */
  find(headers: IncomingHttpHeaders): Promise<BrowserSession | undefined>
  /**
   * Starts a session, or goes on with that of the same user, always with a new cookie: the old one is worth nothing from
   * then on (session fixation). That of another user in this browser ends. Answers with the Set-Cookie header. Error:
   * `forbidden` where the session that a factor is added to has ended.
   */
  signIn(proof: BrowserSignInProof): Promise<{ readonly session: SessionRow; readonly cookie: string }>
}

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly revocations: Revocations
  readonly cookies: Cookies
  readonly lifetimes: () => SessionLifetimes
  readonly limits: () => SessionLimits
}

/** Seconds between two notes that a session is in use: not every page is a write. */
const usePrecision = 60

/** What of a cookie's value the store knows. */
export const hashCookie = (value: string): string => hash('sha256', value, 'base64url')

/** When a browser was here last, to the minute. */
export const lastUseOf = ({ used_at, created_at, proven_at, auth_time }: SessionRow): Seconds =>
  latest(
    [used_at, proven_at].filter((moment) => moment !== null),
    latest([auth_time], created_at),
  )

/** As {@link lastUseOf}, by what was written here as it happened: an older sign-in may lie ahead of a clock that was set back. */
export const lastSignOf = ({ used_at, created_at, proven_at }: SessionRow): Seconds =>
  seconds(Math.max(used_at ?? 0, proven_at ?? created_at))

export function createBrowserSessions(dependencies: Dependencies): BrowserSessions {
  const { store, clock, revocations, cookies, lifetimes, limits } = dependencies

  const findSession = async (headers: IncomingHttpHeaders): Promise<SessionRow | undefined> => {
    const value = cookies.findSession(headers)
    return value === undefined ? undefined : store.sessions.findByCookie(hashCookie(value), clock.now())
  }
  const isIdle = (session: SessionRow): boolean => clock.now() - lastUseOf(session) > limits().browserIdle
  /** That it has gone unused is noted with the use that ends this: else the factor would count again at the next one. */
  const findStrength = (session: SessionRow): SessionRow =>
    session.acr === twoFactors && isUnused(lastSignOf(session), limits(), clock.now())
      ? { ...session, acr: oneFactor }
      : session
  const noteUse = async (before: SessionRow, session: SessionRow): Promise<void> => {
    if (session.acr === before.acr && clock.now() - lastUseOf(session) < usePrecision) return
    const { id, cookie_hash, acr } = session
    // What cannot be noted is worth no page: at worst a session counts as idle that was not, and asks for a sign-in.
    await store.sessions.touch({ id, cookie_hash, acr, used_at: clock.now() }).catch((error: unknown) => {
      if (asGatehouseError(error).code !== 'temporarily_unavailable') throw error
    })
  }
  return {
    async find(headers) {
      const found = await findSession(headers)
      if (!found || isIdle(found)) return undefined
      const session = findStrength(found)
      const user = await store.users.findById(session.user_id)
      if (user?.status !== 'active') return undefined
      await noteUse(found, session)
      const age = { shownAt: session.proven_at, authTime: session.auth_time, lasts: limits().secondFactor }
      const current = asStrongAsNow(session, age, clock.now())
      return { session: current, user, hasWornOff: current.amr !== found.amr }
    },

    async signIn(proof) {
      const value = randomToken(32)
      const before = await findSession(proof.headers)
      const ended: Revocation[] = []
      const session = await store.transaction(async (tables) => {
        ended.length = 0
        const renewed =
          before && before.user_id === proof.user.id ? await renew(tables, before, proof, value) : undefined
        if (proof.beside && proof.beside.id !== renewed?.id) throw signInFirst()
        const current = renewed ?? buildNew(proof, value)
        if (!renewed) await tables.sessions.insert(current)
        const by = { actor: proof.user.id, address: proof.address, request_id: proof.requestId }
        const ending = { tables, clock, revocations }
        if (before && before.id !== current.id) ended.push(...(await endSession(ending, before.id, by)))
        if (!renewed) {
          const newest = { keep: limits().perUser, present: current.id }
          ended.push(...(await endBeyond(ending, { user: proof.user.id, ...newest }, by)))
        }
        await Promise.all([proof.alongside(tables, current), recordSignIn(tables, current, proof)])
        return current
      })
      await revocations.announce(ended)
      return { session, cookie: cookies.setSession(value, session.expires_at - clock.now()) }
    },
  }

  /** Never later than now, whatever the provider's clock says; where it says nothing, what is there is as old as it was. */
  function authTimeOf(provenAt: ProvenAt | undefined, before: Seconds): Seconds {
    if (provenAt === 'unknown') return before
    return seconds(Math.min(provenAt ?? clock.now(), clock.now()))
  }

  function buildNew(
    { user, amr, acr, provenAt, address, device, providerSession }: BrowserSignInProof,
    value: string,
  ): SessionRow {
    const proven = { user_id: user.id as UserId, amr: amr.join(' '), acr, address, device }
    const picked = { organisation_id: null, provider_session: providerSession }
    const session = buildSession(clock, { ...proven, ...picked, cookie_hash: hashCookie(value) }, lifetimes())
    return { ...session, auth_time: authTimeOf(provenAt, session.auth_time), proven_at: clock.now() }
  }

  async function renew(
    tables: Tables,
    before: SessionRow,
    { amr, acr, provenAt, address, device, beside, providerSession }: BrowserSignInProof,
    value: string,
  ): Promise<SessionRow | undefined> {
    const changes = {
      cookie_hash: hashCookie(value),
      amr: amr.join(' '),
      acr,
      auth_time: beside?.auth_time ?? authTimeOf(provenAt, before.auth_time),
      address,
      device,
      // Who signs in anew picks anew.
      organisation_id: beside ? before.organisation_id : null,
      // What rests on a provider goes on to, where a factor is added; who signs in anew may do so without it.
      provider_session: beside ? before.provider_session : providerSession,
      used_at: clock.now(),
      proven_at: clock.now(),
    }
    return (await tables.sessions.renew({ id: before.id, ...changes })) ? { ...before, ...changes } : undefined
  }

  function recordSignIn(tables: Tables, session: SessionRow, proof: BrowserSignInProof): Promise<void> {
    return recordEvent(tables, clock, {
      type: 'sign_in',
      result: 'ok',
      actor: proof.user.id,
      target: proof.user.id,
      session_id: session.id,
      address: proof.address,
      request_id: proof.requestId,
      detail: { amr: proof.amr },
    })
  }
}

const signInFirst = (): GatehouseError => new GatehouseError('forbidden', { description: 'Sign in first' })
