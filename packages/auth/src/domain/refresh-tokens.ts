import { createHmac, timingSafeEqual } from 'node:crypto'
import type { ClientId, GrantId, Seconds } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { type Clock, clockTolerance, seconds } from '@gatehouse/core/time'
import type { FactorLeft } from '@gatehouse/store/grant-rotation'
import type { GrantRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'
import { twoFactors } from './acr.ts'
import type { AuditEvent, AuditType } from './audit.ts'
import type { KeyRing } from './key-rings.ts'
import type { Revocations } from './revocations.ts'
import { endGrant } from './sessions.ts'

/** What a refresh token says of itself; the MAC says whether to believe it. */
interface ParsedRefreshToken {
  readonly grant: GrantId
  readonly generation: number
  readonly mac: Buffer
}

/** `ghr_`, the grant's id, the generation and the MAC, with dots between. */
const format = /^ghr_([\w-]{22})\.([1-9]\d{0,14})\.([\w-]{43})$/

/** Reads a refresh token; `undefined` for anything that is not one. */
export function parseRefreshToken(token: string): ParsedRefreshToken | undefined {
  if (token.length > 120) return undefined
  const match = format.exec(token)
  if (!match) return undefined
  const [, grant = '', generation = '', mac = ''] = match
  const bytes = Buffer.from(mac, 'base64url')
  // One spelling for one MAC: the last character has unused bits.
  if (bytes.toString('base64url') !== mac) return undefined
  return { grant: grant as GrantId, generation: Number(generation), mac: bytes }
}

function macOf(ring: KeyRing, grant: Pick<GrantRow, 'id' | 'salt' | 'key_id'>, generation: number): Buffer {
  const key = ring.find(grant.key_id)
  if (!key)
    throw new GatehouseError('server_error', {
      cause: new Error(`refresh token key ${grant.key_id} is not on the ring`),
    })
  return createHmac('sha256', key.key).update(`${grant.id}.${generation}.${grant.salt}`).digest()
}

/** The refresh token of a grant's generation: always the same text, so that it can be handed out again. */
export const buildRefreshToken = (
  ring: KeyRing,
  grant: Pick<GrantRow, 'id' | 'salt' | 'key_id'>,
  generation: number,
): string => `ghr_${grant.id}.${generation}.${macOf(ring, grant, generation).toString('base64url')}`

/** Who presents a refresh token, and under which rules. */
export interface RefreshAttempt {
  readonly token: string
  readonly clientId: ClientId
  /**
   * Whether the client has authenticated itself: then a lost answer may be asked for again at leisure. So may that of a
   * grant that is bound, whose key `checkGrant` has seen to; a key that the grant does not know proves nothing.
   */
  readonly authenticated: boolean
  /** Seconds for which a public client may present the previous token again. */
  readonly replayWindow: Seconds
  readonly idleLifetime: Seconds
  readonly accessTokenLifetime: Seconds
  /** Seconds after which a second factor counts no longer where the grant was not used; null = it goes on to. */
  readonly factorIdle: Seconds | null
  /**
   * Throws where the grant does not give what is asked, or is bound to what the request has not proven; called before
   * anything is written, so that nothing is lost.
   */
  readonly checkGrant: (grant: GrantRow) => void
  /**
   * Throws where what the grant's session rests on stands no more; called with the grant's scope, after `checkGrant`, and before anything
   * is written.
   */
  readonly checkSession?: ((session: GrantRow['session_id'], scope: string) => Promise<void>) | undefined
  /** Uses up a proof of possession, or throws; called after {@link RefreshAttempt.checkGrant}, and before anything is written. */
  readonly useProof?: (() => Promise<void>) | undefined
  readonly by: Pick<AuditEvent, 'address' | 'request_id'>
}

/**
 * A refresh that went through: the grant, with what it says of its second factor now, and the generation whose token the client
 * holds from then on.
 */
export interface Refreshed {
  readonly grant: GrantRow
  readonly generation: number
}

/** Refreshes and finds grants by their refresh tokens. */
export interface RefreshTokens {
  /**
   * Rotates, or hands the current generation out again to a retry. Every refusal is `invalid_grant`; a token that was
   * rotated away before (theft), or that is newer than the database (a restored backup), also ends its grant.
   * Cost: one read and one conditional update, both batched with those of the same tick; a retry costs three reads.
   */
  refresh(attempt: RefreshAttempt): Promise<Refreshed>
  /** The grant of a refresh token whose MAC is right, and whether that very token could still be used. Cost: two reads. */
  findGrant(token: string): Promise<{ readonly grant: GrantRow; readonly usable: boolean } | undefined>
  /** The text of a generation's token. */
  build(grant: GrantRow, generation: number): string
}

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly ring: KeyRing
  readonly revocations: Revocations
}

export function createRefreshTokens(dependencies: Dependencies): RefreshTokens {
  const { store, clock, ring } = dependencies

  const findProven = async (token: string): Promise<{ grant: GrantRow; presented: number } | undefined> => {
    const parsed = parseRefreshToken(token)
    if (!parsed) return undefined
    const grant = await store.grants.find(parsed.grant)
    if (!grant || !timingSafeEqual(macOf(ring, grant, parsed.generation), parsed.mac)) return undefined
    return { grant, presented: parsed.generation }
  }

  return {
    async refresh(attempt) {
      const found = await findProven(attempt.token)
      if (!found) throw refused('no live grant has this refresh token')
      if (found.grant.client_id !== attempt.clientId) throw refused('the refresh token is another client’s')
      attempt.checkGrant(found.grant)
      if (!isOver(found.grant, clock.now())) {
        // A stolen token asks nobody anything: that it is one is found out below.
        if (isRecent(found)) await attempt.checkSession?.(found.grant.session_id, found.grant.scope)
        await attempt.useProof?.()
      }
      return rotate(dependencies, attempt, found.grant, found.presented, 0)
    },
    async findGrant(token) {
      const found = await findProven(token)
      if (!found) return undefined
      const mayBeUsable = isRecent(found) && !isOver(found.grant, clock.now())
      return { grant: found.grant, usable: mayBeUsable && (await store.grants.stands(found.grant.id)) }
    },
    build: (grant, generation) => buildRefreshToken(ring, grant, generation),
  }
}

/** Whether it is the grant's token by now, or the one before. */
const isRecent = ({ grant, presented }: { readonly grant: GrantRow; readonly presented: number }): boolean =>
  presented === grant.generation || presented === grant.generation - 1

const isOver = (grant: GrantRow, now: Seconds): boolean => grant.expires_at <= now || grant.idle_expires_at <= now

async function rotate(
  dependencies: Dependencies,
  attempt: RefreshAttempt,
  grant: GrantRow,
  presented: number,
  lost: number,
): Promise<Refreshed> {
  const { store, clock } = dependencies
  const now = clock.now()
  if (isOver(grant, now)) throw refused('the grant has expired')
  if (grant.rotates === 0) return keep(dependencies, attempt, grant, presented)
  if (presented > grant.generation) return endForMisuse(dependencies, attempt, grant, 'refresh_token_from_future')
  if (presented < grant.generation - 1) return endForMisuse(dependencies, attempt, grant, 'refresh_token_theft')

  if (presented === grant.generation) {
    const done = await store.grants.rotate({
      id: grant.id,
      generation: presented,
      now,
      factor_idle: idleOf(grant, attempt),
      idle_expires_at: seconds(Math.min(now + attempt.idleLifetime, grant.expires_at)),
      // Room for the tokens that retries within the window are given without a write.
      access_expires_at: seconds(now + attempt.accessTokenLifetime + attempt.replayWindow),
    })
    if (done) return { grant: withFactor(grant, done), generation: presented + 1 }
    // Somebody else rotated first, or ended the grant or its session. What the row says now decides: it has moved on by at
    // least one, or is worth nothing.
    const again = lost < 3 ? await store.grants.find(grant.id) : undefined
    if (!again || again.generation === presented) throw refused('the grant ended meanwhile')
    return rotate(dependencies, attempt, again, presented, lost + 1)
  }

  // By one clock for all processes: by their own a retry at another one would be refused, or taken for theft.
  const elapsed = await store.grants.sinceRotation({ id: grant.id, generation: grant.generation, now })
  if (elapsed === undefined) throw refused('the grant moved on meanwhile')
  if (elapsed < -clockTolerance) throw refused('the clock is behind the last rotation')
  const inWindow = elapsed <= attempt.replayWindow
  // The rotation has left room for these; it has not where the lifetime was raised since.
  const isCovered = now + attempt.accessTokenLifetime <= grant.access_expires_at
  if (inWindow && isCovered && (await store.grants.stands(grant.id))) return { grant, generation: grant.generation }
  const isProven = attempt.authenticated || grant.confirmation !== null
  if (!inWindow && !isProven) return endForMisuse(dependencies, attempt, grant, 'refresh_token_theft')
  const raised = await store.grants.raiseAccessExpiry({
    id: grant.id,
    generation: grant.generation,
    now,
    factor_idle: idleOf(grant, attempt),
    access_expires_at: seconds(now + attempt.accessTokenLifetime),
  })
  if (!raised) throw refused('the grant moved on meanwhile')
  return { grant: withFactor(grant, raised), generation: grant.generation }
}

/**
 * A refresh that leaves the refresh token as it is, for clients that prove themselves each time.
 * Spec: FAPI 2.0 Security Profile section 5.3.2.1.
 */
async function keep(
  { store, clock }: Dependencies,
  attempt: RefreshAttempt,
  grant: GrantRow,
  presented: number,
): Promise<Refreshed> {
  if (presented !== grant.generation) throw refused('the refresh token is not the grant’s')
  const now = clock.now()
  const kept = await store.grants.prolong({
    id: grant.id,
    now,
    factor_idle: idleOf(grant, attempt),
    idle_expires_at: seconds(Math.min(now + attempt.idleLifetime, grant.expires_at)),
    access_expires_at: seconds(now + attempt.accessTokenLifetime + attempt.replayWindow),
  })
  if (!kept) throw refused('the grant ended meanwhile')
  return { grant: withFactor(grant, kept), generation: presented }
}

/** What began with one factor has no other that could go. */
const idleOf = ({ acr }: GrantRow, { factorIdle }: RefreshAttempt): Seconds | null =>
  acr === twoFactors ? factorIdle : null

/** A grant with what was noted of its factor: what goes in comes out where nothing has changed, since copying a row costs. */
const withFactor = (grant: GrantRow, { factor_at }: FactorLeft): GrantRow =>
  factor_at === grant.factor_at ? grant : { ...grant, factor_at }

async function endForMisuse(
  { store, clock, revocations }: Dependencies,
  attempt: RefreshAttempt,
  grant: GrantRow,
  type: AuditType & ('refresh_token_theft' | 'refresh_token_from_future'),
): Promise<never> {
  const entries = await store.transaction((tables) =>
    endGrant({ tables, clock, revocations }, grant.id, {
      type,
      result: 'grant_ended',
      actor: attempt.clientId,
      ...attempt.by,
    }),
  )
  await revocations.announce(entries)
  throw refused(`${type}: the grant was ended`)
}

const refused = (why: string): GatehouseError => new GatehouseError('invalid_grant', { cause: new Error(why) })
