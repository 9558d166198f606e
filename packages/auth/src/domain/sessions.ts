import type { ClientId, GrantId, OrganisationId, Seconds, SessionId, UserId } from '@gatehouse/core/brand'
import type { Revocation } from '@gatehouse/core/contracts'
import { newSessionId, randomToken } from '@gatehouse/core/random'
import { type Clock, clockTolerance, seconds } from '@gatehouse/core/time'
import type { GrantRow, SessionRow } from '@gatehouse/store/rows'
import type { Store, Tables } from '@gatehouse/store/store'
import { type AuditEvent, recordEvent } from './audit.ts'
import { inSteps } from './in-steps.ts'
import { longestAccessTokenLifetime } from './lifetimes.ts'
import { latest, type NewRevocation, type Revocations } from './revocations.ts'

/** How long sessions and grants last, in seconds. */
export interface SessionLifetimes {
  /** A session, and every grant that hangs off it, is over after this long. */
  readonly absolute: Seconds
  /** A grant that is not refreshed for this long is over. */
  readonly idle: Seconds
}

/** For how long a second factor counts. */
export interface FactorLimits {
  /** Seconds from when it was shown; then what rests on it is worth one factor. */
  readonly secondFactor: Seconds
  /** Seconds for which what rests on it may go unused; null = for as long as one likes. */
  readonly factorIdle: Seconds | null
}

/** What sessions may come to, beside how long they last. */
export interface SessionLimits extends FactorLimits {
  /** Seconds after which a browser that asks for nothing has to sign in again. */
  readonly browserIdle: Seconds
  /** Sessions of one user: the oldest end where there would be more. */
  readonly perUser: number
}

type NewSession = Pick<
  SessionRow,
  'user_id' | 'amr' | 'acr' | 'address' | 'device' | 'cookie_hash' | 'organisation_id' | 'provider_session'
>

/** The row of a session that begins now. */
export function buildSession(clock: Clock, session: NewSession, lifetimes: SessionLifetimes): SessionRow {
  const now = clock.now()
  return {
    ...session,
    id: newSessionId(),
    auth_time: now,
    created_at: now,
    expires_at: seconds(now + lifetimes.absolute),
    used_at: null,
    proven_at: null,
  }
}

/** What ending things needs: tables of the transaction that it happens in. */
export interface EndingDependencies {
  readonly tables: Tables
  readonly clock: Clock
  readonly revocations: Pick<Revocations, 'write'>
}

/** Grants that are ended in one transaction: however many there are, it takes no longer. */
export const endedAtATime = 500

type By = Pick<AuditEvent, 'actor' | 'address' | 'request_id'>

/**
 * Ends a session, its grants, and every token issued from it. The rows are deleted; what remains are revocations of the
 * session's and the grants' ids that last as long as the last token. Of very many grants some rows remain until they expire:
 * they are refreshed no more, and the session's revocation covers their tokens. Announce the answer once the transaction commits.
 */
export async function endSession(
  dependencies: EndingDependencies,
  id: SessionId,
  by: By,
): Promise<readonly Revocation[]> {
  const { tables, clock } = dependencies
  // In this order: a grant that starts meanwhile waits for the session, or is found.
  const existed = await tables.sessions.deleteById(id)
  const grants = await tables.grants.endBySession(id, endedAtATime)
  await tellClients(dependencies, [id])
  if (!existed && grants.length === 0) return []
  const entries = await writeRevocations(dependencies, [id], grants)
  const detail = grants[0] ? { user: grants[0].user_id } : {}
  await recordEvent(tables, clock, { type: 'session_ended', result: 'ok', target: id, session_id: id, detail, ...by })
  return entries
}

/** Ends the oldest sessions of a user, but never the present one, where there are more than may be; see {@link endSession}. */
export async function endBeyond(
  dependencies: EndingDependencies,
  { user, ...newest }: { readonly user: UserId; readonly keep: number; readonly present: SessionId },
  by: By,
): Promise<readonly Revocation[]> {
  const ended: Revocation[] = []
  for (const id of await dependencies.tables.sessions.listBeyond(user, newest)) {
    ended.push(...(await endSession(dependencies, id, by)))
  }
  return ended
}

/**
 * Ends every session and grant of a user; see {@link endSession}. To be followed, once the transaction commits, by
 * {@link removeEndedGrants}. Cost: the same however many grants there are.
 */
export async function endAllOfUser(
  dependencies: EndingDependencies,
  user: UserId,
  by: By,
): Promise<readonly Revocation[]> {
  const { tables } = dependencies
  // Before the sessions: who brings back a link finds it gone, or has come first, and what it led to is ended below.
  await tables.mailedProofs.deleteByUser(user)
  await tables.flows.deleteByUser(user)
  // In this order: see endSession.
  const sessions = await tables.sessions.deleteByUser(user)
  const grants = await tables.grants.endByUser(user, endedAtATime)
  const ended = [...new Set([...sessions, ...grants.map((grant) => grant.session_id)])]
  const entries = await noteEnded(dependencies, { user, sessions: ended, grants }, by)
  return mayBeMore(grants) ? [...entries, ...(await revokeEarlier(dependencies, user))] : entries
}

/** Whether there may be grants beside these, which were to be all of somebody or something. */
const mayBeMore = (grants: readonly GrantRow[]): boolean => grants.length >= endedAtATime

/**
 * Revokes what was issued before this second: tokens of a session that has expired, whose grant is among those that remain.
 * Those of sessions that lasted end by their session's id, and who signs in anew in this very second keeps what they get. So
 * without `clockTolerance`: by it, whoever signs in anew at once would be shut out for a minute, for the sake of sessions that
 * have ended by themselves and were used a moment ago at a process whose clock is ahead.
 */
const revokeEarlier = (
  { tables, clock, revocations }: EndingDependencies,
  user: UserId,
): Promise<readonly Revocation[]> => {
  const issued_before = seconds(clock.now() - 1)
  return revocations.write(tables, [{ kind: 'sub', value: user, issued_before, expires_at: afterAny(clock.now()) }])
}

/**
 * Removes, in steps, what {@link endAllOfUser} has left of very many grants. They are worth nothing already, and expire: a step
 * that fails leaves them to that, and undoes nothing.
 */
export async function removeEndedGrants({ store }: { readonly store: Store }, user: UserId): Promise<void> {
  try {
    await inSteps({ size: endedAtATime }, (limit) => store.grants.removeWithoutSession(user, limit))
  } catch {
    // As said above.
  }
}

/** Grants of one client in one session that stay when there have been twice as many. */
export const keptGrants = 50

/**
 * Ends the oldest grants of a client in a session, and their tokens, where there are twice as many as are kept: so one start
 * in fifty costs more, and no other. Announce the answer once the transaction commits. Threat: somebody who makes grants
 * without end.
 */
export async function endGrantsBeyond(
  dependencies: EndingDependencies,
  newest: GrantRow,
  by: By,
): Promise<readonly Revocation[]> {
  const { tables, clock } = dependencies
  const ended = await tables.grants.endBeyond({ of: newest, keep: keptGrants, limit: endedAtATime })
  await Promise.all(
    ended.map(({ id, client_id, session_id, user_id }) =>
      recordEvent(tables, clock, {
        ...{ type: 'grant_ended', result: 'too_many', target: id, client_id, session_id, detail: { user: user_id } },
        ...by,
      }),
    ),
  )
  return writeRevocations(dependencies, [], ended)
}

/** Whether a grant has so many others beside it that the oldest of them end: see {@link endGrantsBeyond}. */
export const areTooMany = (others: number): boolean => others >= 2 * keptGrants

/** A user in one organisation. */
export interface UserInOrganisation {
  readonly user: UserId
  readonly organisation: OrganisationId
}

/**
 * Ends what a user does in the name of one organisation: the sessions in which it is picked, and every grant that is for it.
 * Sessions that are for no organisation or another go on. To be called after the membership was taken away or changed: see
 * `grants.startInSession`.
 */
export async function endInOrganisation(
  dependencies: EndingDependencies,
  { user, organisation }: UserInOrganisation,
  by: By,
): Promise<readonly Revocation[]> {
  const { tables } = dependencies
  const sessions = await tables.sessions.deleteByUser(user, organisation)
  const ofSessions = await Promise.all(sessions.map((id) => tables.grants.endBySession(id, endedAtATime)))
  const others = await tables.grants.endByUserAndOrganisation(user, organisation)
  return noteEnded(dependencies, { user, sessions, grants: [...ofSessions.flat(), ...others] }, by)
}

interface Ended {
  readonly user: UserId
  readonly sessions: readonly SessionId[]
  readonly grants: readonly GrantRow[]
}

/** What follows from the end of a user's sessions and grants: clients are told, the trail knows, the tokens are revoked. */
async function noteEnded(
  dependencies: EndingDependencies,
  { user, sessions, grants }: Ended,
  by: By,
): Promise<readonly Revocation[]> {
  const { tables, clock } = dependencies
  await tellClients(dependencies, sessions)
  const detail = { user }
  // Together, so that they are one message to the database however many sessions there were.
  await Promise.all(
    sessions.map((id) =>
      recordEvent(tables, clock, { type: 'session_ended', result: 'ok', target: id, session_id: id, detail, ...by }),
    ),
  )
  return writeRevocations(dependencies, sessions, grants)
}

/** Ends one grant and every token issued from it; the session goes on. */
export async function endGrant(
  dependencies: EndingDependencies,
  id: GrantId,
  event: Pick<AuditEvent, 'type' | 'result'> & By,
): Promise<readonly Revocation[]> {
  const { tables, clock } = dependencies
  const grant = await tables.grants.end(id)
  if (!grant) return []
  const entries = await writeRevocations(dependencies, [], [grant])
  await recordEvent(tables, clock, {
    ...event,
    target: grant.id,
    client_id: grant.client_id,
    session_id: grant.session_id,
    detail: { user: grant.user_id },
  })
  return entries
}

/**
 * Takes back what a user has let a client have: the consent, every grant, every token issued from them, and what the client has
 * been given and has not fetched.
 */
export async function withdrawConsent(
  dependencies: EndingDependencies,
  consent: { readonly user: UserId; readonly client: ClientId },
  by: By,
): Promise<readonly Revocation[]> {
  const { tables, clock, revocations } = dependencies
  const { user, client } = consent
  await tables.consents.delete(user, client)
  // Before the grants: whoever fetches one at the same time comes before, and is found below, or after, and gets none.
  const codes = await tables.authorizationCodes.endByUserAndClient(user, client, clock.now())
  await tables.decoupledRequests.withdraw(user, client)
  const grants = await tables.grants.endByUserAndClient(user, client)
  await recordEvent(tables, clock, {
    type: 'consent_withdrawn',
    result: 'ok',
    target: client,
    client_id: client,
    ...by,
  })
  const ended = new Set<string>(grants.map(({ id }) => id))
  const unstarted = codes
    .filter(({ grant_id }) => !ended.has(grant_id))
    .map(({ grant_id, expires_at }) => ({ kind: 'gid', value: grant_id, issued_before: null, expires_at }) as const)
  const entries = await writeRevocations(dependencies, [], grants)
  return unstarted.length === 0 ? entries : [...entries, ...(await revocations.write(tables, unstarted))]
}

/** Seconds for which a client that does not answer is told again of a session that has ended. */
const tellFor = 86_400

/** Notes, in the transaction that ends the sessions, whom to tell: what is committed survives a restart. */
async function tellClients({ tables, clock }: EndingDependencies, sessions: readonly SessionId[]): Promise<void> {
  const clients = await tables.sessionClients.endBySessions(sessions)
  const now = clock.now()
  await Promise.all(
    clients.map(({ client_id, subject, sid }) =>
      tables.logoutDeliveries.insert({
        id: randomToken(16),
        client_id,
        subject,
        sid,
        attempts: 0,
        next_attempt_at: now,
        created_at: now,
        expires_at: seconds(now + tellFor),
      }),
    ),
  )
}

async function writeRevocations(
  { tables, clock, revocations }: EndingDependencies,
  sessions: readonly SessionId[],
  grants: readonly GrantRow[],
): Promise<readonly Revocation[]> {
  const entries: NewRevocation[] = []
  const now = clock.now()
  const last = new Map<SessionId, Seconds>()
  for (const { session_id, access_expires_at } of grants) {
    last.set(session_id, latest([access_expires_at], last.get(session_id) ?? now))
  }
  // Where grants may remain their tokens may outlive those of the ones that are known.
  const atLeast = mayBeMore(grants) ? afterAny(now) : now
  for (const id of sessions) {
    const expires_at = latest([afterLast([last.get(id) ?? now], now)], atLeast)
    entries.push({ kind: 'sid', value: id, issued_before: null, expires_at })
  }
  for (const grant of grants) entries.push(revocationOfGrant(grant, now))
  return entries.length === 0 ? [] : revocations.write(tables, entries)
}

/** What revokes every token that a grant has brought, also in exchange for one of its own, for as long as one can live. */
export const revocationOfGrant = ({ id, access_expires_at }: GrantRow, now: Seconds): NewRevocation => ({
  kind: 'gid',
  value: id,
  issued_before: null,
  expires_at: afterLast([access_expires_at], now),
})

/** Past the last token's expiry also by the clock of a verifier that is behind. */
const afterLast = (expiries: readonly Seconds[], now: Seconds): Seconds =>
  seconds(latest(expiries, now) + clockTolerance)

/** As {@link afterLast}, for tokens of which nothing is known but that they have been issued. */
const afterAny = (now: Seconds): Seconds => afterLast([seconds(now + longestAccessTokenLifetime)], now)
