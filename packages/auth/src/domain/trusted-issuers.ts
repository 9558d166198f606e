import { hash } from 'node:crypto'
import type { Seconds } from '@gatehouse/core/brand'
import { reasonBehind } from '@gatehouse/core/errors'
import type { JsonObject } from '@gatehouse/core/json'
import { type Clock, seconds, signerClockTolerance } from '@gatehouse/core/time'
import { type CompactToken, normalizeType, parseCompactToken, parseJsonPart } from '@gatehouse/guard/compact-token'
import { isSignedBy } from '@gatehouse/guard/signature'
import type { Store } from '@gatehouse/store/store'
import type { Client, Clients } from './clients.ts'
import type { ClientKeys, KeyedClient } from './find-client-keys.ts'
import { findTimeFault } from './time-fault.ts'

/** Somebody else who names workloads, and whose word for it is taken: a Kubernetes cluster, a CI system. */
export interface TrustedIssuer extends Omit<KeyedClient, 'jwks'> {
  /** Its `iss`, compared as it stands. */
  readonly issuer: string
  /** What its assertions must be addressed to. */
  readonly audience: string
  /** How much longer an assertion may be valid. */
  readonly longestLifetime: Seconds
  /** Whether an assertion counts as often as it comes, for issuers that give a workload one for an hour. */
  readonly reusable: boolean
  readonly workloads: readonly TrustedWorkload[]
}

/** Which of an issuer's workloads act as which client. */
export interface TrustedWorkload {
  /** The assertion's `sub`, or the beginning of it and then `*`. */
  readonly subject: string
  /** Further claims, each of which must be there with this very text. */
  readonly claims: Readonly<Record<string, string>>
  readonly client: string
}

/** A workload whose assertion was found good. */
export interface ProvenWorkload {
  /** As whom it acts. */
  readonly client: Client
  readonly expiresAt: Seconds
  /**
   * Uses the assertion up. Whether it counted: of any number of callers with one assertion one gets true, unless the issuer's
   * may be used again. Cost: one insert, or nothing.
   */
  use(): Promise<boolean>
}

/** Why an assertion does not count. */
export interface AssertionRefusal {
  /** For the log only. */
  readonly refused: Error
  /** What who brought it may hear: it was signed by whom it names, and its times are wrong. */
  readonly told?: string
}

/** Whether this is a refusal and not a workload. */
export const isAssertionRefusal = (found: ProvenWorkload | AssertionRefusal): found is AssertionRefusal =>
  'refused' in found

/** Tells workloads by the assertions of trusted issuers. */
export interface TrustedIssuers {
  /**
   * Checks an assertion, and finds the client that its subject acts as: `clientId`, or the only one where that is absent.
   * Spec: RFC 7523 section 3, RFC 8725 section 3. Nothing is used up by it.
   * Cost: one signature check; the issuer's keys may have to be fetched. Never throws for what stands in the assertion.
   * Stops: assertions for somebody else, of another kind, too old or valid for long; workloads that nobody named.
   */
  verify(assertion: string, clientId: string | undefined): Promise<ProvenWorkload | AssertionRefusal>
}

interface Dependencies {
  readonly store: Pick<Store, 'usedIdentifiers'>
  readonly clock: Clock
  readonly clients: Pick<Clients, 'find'>
  readonly clientKeys: ClientKeys
  readonly issuers: () => readonly TrustedIssuer[]
}

/** Types that an assertion may call itself: anything else was made for another purpose (RFC 8725 section 3.11). */
const acceptedTypes: ReadonlySet<string> = new Set(['', 'jwt', 'authorization-grant+jwt'])

export function createTrustedIssuers({ store, clock, clients, clientKeys, issuers }: Dependencies): TrustedIssuers {
  const use = async (issuer: TrustedIssuer, token: CompactToken, claims: JsonObject, exp: number): Promise<boolean> => {
    if (issuer.reusable) return true
    const identifier = typeof claims.jti === 'string' ? claims.jti : `${token.headerPart}.${token.payloadPart}`
    return store.usedIdentifiers.consume({
      kind: 'trusted_assertion',
      hash: hash('sha256', `${issuer.issuer}\n${identifier}`, 'base64url'),
      expires_at: seconds(exp + signerClockTolerance),
    })
  }

  return {
    async verify(assertion, clientId) {
      const token = parseCompactToken(assertion)
      const claims = token && parseJsonPart(token.payloadPart)
      if (!token || !claims) return refused('not a signed token')
      const issuer = issuers().find((candidate) => candidate.issuer === claims.iss)
      if (!issuer) return refused('nobody trusts the issuer')
      const checked = checkClaims(claims, issuer, clock.now())
      if (typeof checked === 'string') return refused(checked)
      const forgery = await findForgery(clientKeys, issuer, assertion, token)
      const fault = checked.timeFault === undefined ? forgery : mistimed(checked.timeFault, forgery)
      if (fault) return fault
      const name = findClientId(issuer, checked.sub, claims, clientId)
      const client = name === undefined ? undefined : await clients.find(name)
      if (!client) return refused('the subject acts as no client, as several, or as another one')
      return { client, expiresAt: seconds(checked.exp), use: () => use(issuer, token, claims, checked.exp) }
    },
  }
}

/** The key that the header names or, without a name, the only one; its own algorithm must be the one in the header. */
async function findForgery(
  clientKeys: ClientKeys,
  issuer: TrustedIssuer,
  assertion: string,
  token: CompactToken,
): Promise<AssertionRefusal | undefined> {
  const header = parseJsonPart(token.headerPart)
  if (!header) return refused('not a signed token')
  const { typ = '' } = header
  if (typeof typ !== 'string' || !acceptedTypes.has(normalizeType(typ)))
    return refused('the typ is of another kind of token')
  if ('crit' in header) return refused('crit is not understood')
  try {
    const key = await clientKeys.findSignatureKey(issuer, header)
    if (!key) return refused('no key of the issuer, or more than one, fits the header')
    const signed = Buffer.from(assertion.slice(0, token.signedLength))
    return isSignedBy(key, signed, Buffer.from(token.signaturePart, 'base64url')) ? undefined : refused('bad signature')
  } catch (error) {
    const cause = reasonBehind(error)
    return refused(`the issuer’s keys cannot be fetched: ${cause instanceof Error ? cause.message : cause}`, cause)
  }
}

/** What the claims say, or why they do not count. */
function checkClaims(
  claims: JsonObject,
  issuer: TrustedIssuer,
  now: number,
): { exp: number; sub: string; timeFault: string | undefined } | string {
  const { sub, aud, exp, iat, nbf } = claims
  if (typeof sub !== 'string' || sub === '') return 'sub is missing'
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  if (!audiences.includes(issuer.audience)) return 'it is addressed to somebody else'
  if (!isMoment(exp)) return 'exp is missing'
  if ([iat, nbf].some((moment) => moment !== undefined && !isMoment(moment))) return 'iat or nbf is not a time'
  const timeFault = findTimeFault(claims, now)
  if (timeFault === undefined && exp > now + issuer.longestLifetime + signerClockTolerance) {
    return 'valid for longer than its issuer’s may be'
  }
  return { exp, sub, timeFault }
}

/** As which client a subject acts: the asked one or, where none is asked for, the only one. */
function findClientId(
  { workloads }: TrustedIssuer,
  sub: string,
  claims: JsonObject,
  asked: string | undefined,
): string | undefined {
  const names = new Set(workloads.filter((workload) => isMeant(workload, sub, claims)).map(({ client }) => client))
  if (asked !== undefined) return names.has(asked) ? asked : undefined
  const [name, ...others] = names
  return others.length === 0 ? name : undefined
}

function isMeant({ subject, claims: wanted }: TrustedWorkload, sub: string, claims: JsonObject): boolean {
  const prefix = subject.endsWith('*') ? subject.slice(0, -1) : undefined
  const isSubject = prefix === undefined ? sub === subject : sub.length > prefix.length && sub.startsWith(prefix)
  return isSubject && Object.entries(wanted).every(([name, value]) => claims[name] === value)
}

const isMoment = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

const mistimed = (fault: string, forgery: AssertionRefusal | undefined): AssertionRefusal => ({
  ...refused(fault, forgery?.refused),
  ...(forgery ? {} : { told: `The assertion does not count: ${fault}` }),
})

const refused = (why: string, cause?: unknown): AssertionRefusal => ({
  refused: new Error(`assertion of a trusted issuer: ${why}`, { cause }),
})
