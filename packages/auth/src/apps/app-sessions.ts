import { createHmac, timingSafeEqual } from 'node:crypto'
import type { GrantId, Seconds } from '@gatehouse/core/brand'
import type { RevocationSource, VerifiedToken } from '@gatehouse/core/contracts'
import { buildUnavailable, GatehouseError } from '@gatehouse/core/errors'
import { parseScope } from '@gatehouse/core/scope'
import { type Clock, seconds } from '@gatehouse/core/time'
import { accessTokenType, appClientPrefix } from '@gatehouse/core/wire-names'
import type { GrantRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'
import { LRUCache } from 'lru-cache'
import type { AccessTokens } from '../domain/access-tokens.ts'
import { twoFactors } from '../domain/acr.ts'
import type { AuditEvent } from '../domain/audit.ts'
import { describeGrant } from '../domain/build-token-pair.ts'
import type { Clients } from '../domain/clients.ts'
import { asItStands, type RoleRules } from '../domain/effective-access.ts'
import { asStrongAsNow, factorAgeOf, factorEnd } from '../domain/factor-age.ts'
import type { KeyRing } from '../domain/key-rings.ts'
import { sealUnder, unsealUnder } from '../domain/ring-sealing.ts'
import type { FactorLimits } from '../domain/sessions.ts'
import type { TokenLifetimes } from '../domain/token-pairs.ts'
import type { Cookies } from '../http/cookies.ts'

/** Sessions of browser apps: a grant, and a cookie of the app's host that proves which one. */
export interface AppSessions {
  /**
   * What an access token of the session would say; absent where there is none that lasts. Errors: `temporarily_unavailable`
   * where nobody can say. Cost: a look-up; once in an access token's lifetime, and then as a promise, one read and one write.
   */
  find(host: string, cookie: string | undefined): VerifiedToken | undefined | Promise<VerifiedToken | undefined>
  /** The grant of a cookie that is genuine, whether it lasts or not. Cost: one read. */
  findGrant(host: string, cookie: string | undefined): Promise<GrantRow | undefined>
  /**
   * Whose a cookie is, also where its session is over and nothing of it is left; absent where it does not say. It says who it
   * was, and opens nothing. Cost: no I/O.
   */
  findOwner(host: string, cookie: string | undefined): string | undefined
  /** The Set-Cookie header that opens a grant's session on a host. */
  buildCookie(host: string, grant: GrantRow): string
}

interface Dependencies {
  readonly store: Pick<Store, 'grants'>
  readonly clock: Clock
  /** Under whose keys grants have their salts: that of refresh tokens. */
  readonly ring: KeyRing
  readonly cookies: Cookies
  readonly clients: Clients
  readonly accessTokens: AccessTokens
  readonly revocations: RevocationSource
  readonly lifetimes: () => TokenLifetimes
  readonly limits: () => FactorLimits
  readonly roleRules: () => RoleRules
  readonly defaultAudience: () => string
  readonly standing: { checkSession(session: GrantRow['session_id'], by: AuditBy): Promise<void> }
}

type AuditBy = Pick<AuditEvent, 'address' | 'request_id'>

/** A session that is known, and on which host. */
interface Known {
  readonly host: string
  readonly token: VerifiedToken
}

/** How many sessions are remembered; one costs about 1.5 kB. */
const rememberedSessions = 10_000

/** What services are not told: it is about this client and nobody else. */
const ownScopes: ReadonlySet<string> = new Set(['openid', 'offline_access'])

export function createAppSessions(dependencies: Dependencies): AppSessions {
  const { store, clock, ring, cookies, revocations, lifetimes } = dependencies
  const known = new LRUCache<string, Known>({ max: rememberedSessions })
  /** Looked up just now: tabs that ask together are answered by one look. */
  const looking = new Map<string, Promise<VerifiedToken | undefined>>()

  const findGrant = async (host: string, value: string): Promise<GrantRow | undefined> => {
    const { id, mac, owner } = splitCookie(value)
    const grant = await store.grants.find(id as GrantId) // of the form that the cookie has
    if (grant?.client_id !== appClientPrefix + host) return undefined
    const expected = macOf(ring, host, grant, owner)
    const presented = Buffer.from(mac, 'base64url')
    return presented.length === expected.length && timingSafeEqual(presented, expected) ? grant : undefined
  }

  const derive = async (host: string, value: string): Promise<VerifiedToken | undefined> => {
    const grant = await findGrant(host, value)
    const token = grant && (await useGrant(dependencies, grant))
    if (!token) known.delete(value)
    else known.set(value, { host, token })
    return token
  }

  const look = (host: string, value: string): Promise<VerifiedToken | undefined> => {
    const key = `${host} ${value}`
    let running = looking.get(key)
    if (!running) {
      running = derive(host, value).finally(() => looking.delete(key))
      looking.set(key, running)
    }
    return running
  }

  return {
    find(host, cookie) {
      const value = cookies.findApp(cookie)
      if (value === undefined) return undefined
      if (!revocations.current) throw buildUnavailable()
      const session = known.get(value)
      if (session?.host !== host || clock.now() >= session.token.claims.exp) return look(host, value)
      return revocations.isRevoked(session.token) ? undefined : session.token
    },
    async findGrant(host, cookie) {
      const value = cookies.findApp(cookie)
      return value === undefined ? undefined : findGrant(host, value)
    },
    findOwner(host, cookie) {
      const { id, owner } = splitCookie(cookies.findApp(cookie) ?? '')
      return unsealUnder(ring, owner, ownerPlace(host, id))
    },
    buildCookie(host, grant) {
      const owner = sealUnder(ring, grant.user_id ?? '', ownerPlace(host, grant.id))
      const value = `${grant.id}.${macOf(ring, host, grant, owner).toString('base64url')}.${owner}`
      return cookies.setApp(value, lifetimes().absolute)
    },
  }
}

const ownerPlace = (host: string, id: string): string => `owner of an app's cookie: ${host} ${id}`

/** A cookie's parts; `owner` is sealed, and has a dot of its own. */
function splitCookie(value: string): { readonly id: string; readonly mac: string; readonly owner: string } {
  const [id = '', mac = '', key = '', sealed = ''] = value.split('.')
  return { id, mac, owner: `${key}.${sealed}` }
}

/** What the cookie proves: that it was made here as it is, for this grant and this host. Nothing in the store is worth as much. */
function macOf(ring: KeyRing, host: string, { id, salt, key_id }: GrantRow, owner: string): Buffer {
  const key = ring.find(key_id)
  if (!key) throw new GatehouseError('server_error', { cause: new Error(`the key ${key_id} is not on the ring`) })
  return createHmac('sha256', key.key).update(`app ${host} ${id}.${salt}.${owner}`).digest()
}

/** Notes that a grant is in use, and says what an access token of it would: absent where it is over, or nobody stands for it. */
async function useGrant(dependencies: Dependencies, found: GrantRow): Promise<VerifiedToken | undefined> {
  const { store, clock, clients, accessTokens, revocations, lifetimes, limits, roleRules, defaultAudience } =
    dependencies
  const client = await clients.find(found.client_id)
  if (!client || !(await stillStands(dependencies, found))) return undefined
  const { accessToken, idle } = lifetimes()
  const { factorIdle } = limits()
  const now = clock.now()
  const kept = await store.grants.prolong({
    id: found.id,
    now,
    factor_idle: found.acr === twoFactors ? factorIdle : null,
    idle_expires_at: seconds(Math.min(now + idle, found.expires_at)),
    access_expires_at: seconds(now + accessToken),
  })
  if (!kept) return undefined
  const age = factorAgeOf({ ...kept, auth_time: found.auth_time }, limits())
  const grant = asStrongAsNow(asItStands(found, roleRules()), age, now)
  const scope = grant.scope
    .split(' ')
    .filter((word) => word !== '' && !ownScopes.has(word))
    .join(' ')
  const audiences = [defaultAudience()]
  const subject = describeGrant(grant, client, { scope, audiences })
  // Said again once the second factor counts no longer, which is when the next second has begun.
  const end = grant.acr === twoFactors ? Math.min(grant.expires_at, factorEnd(age) + 1) : grant.expires_at
  const claims = accessTokens.describe(subject, seconds(Math.min(accessToken, end - now, noteEvery(grant, factorIdle))))
  const roles = new Set(claims.roles)
  const scopes = parseScope(scope) ?? new Set()
  // No key has signed it: none that is taken away takes it along.
  const token: VerifiedToken = { claims, typ: accessTokenType, kid: '', audiences, scopes, roles, memo: {} }
  return revocations.isRevoked(token) ? undefined : token
}

/**
 * Seconds between two notes that a session is in use: where tokens live long it would else go unused while it is used. So a
 * factor counts for three quarters of the idle time at the least, and for the whole at the most.
 */
const noteEvery = ({ acr }: GrantRow, factorIdle: Seconds | null): number =>
  acr === twoFactors && factorIdle !== null ? Math.ceil(factorIdle / 4) : Number.POSITIVE_INFINITY

/** A session that rests on an outside provider ends with that one's word. */
async function stillStands({ standing }: Dependencies, grant: GrantRow): Promise<boolean> {
  try {
    await standing.checkSession(grant.session_id, { address: '', request_id: '' })
    return true
  } catch (error) {
    if (error instanceof GatehouseError && error.code === 'invalid_grant') return false
    throw error
  }
}
