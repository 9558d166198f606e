import { GatehouseError } from '@gatehouse/core/errors'
import { parseJsonObject } from '@gatehouse/core/json'
import type { Clock } from '@gatehouse/core/time'
import { parseMaxAge } from '@gatehouse/guard/fetch-json'
import { explainFailure } from '../outbound/explain-failure.ts'
import type { Outbound } from '../outbound/outbound.ts'
import { type ReadKeys, readKeySet } from './client-keys.ts'

/** Key sets that others publish, fetched and kept for a while. */
export interface RemoteKeySets {
  /**
   * The keys behind a `jwks_uri`; `allowsPrivate`: also in a private network. With a `kid` that is not among those known, the set is fetched anew, at most once in
   * 30 s for each address; while fetching fails, known keys serve for an hour beyond their time.
   * Error: `invalid_client`, which says nothing of what the other server answered; the cause does, in words for the log.
   * Cost: a request where nothing fresh is known; requests for one address at one time are one request.
   */
  get(uri: string, options?: KeySetOptions): Promise<ReadKeys>
}

/** What is asked of a key set, and how. */
export interface KeySetOptions {
  readonly kid?: string | undefined
  readonly allowsPrivate?: boolean | undefined
}

/** Milliseconds. */
const shortestKeep = 60_000
const usualKeep = 300_000
const longestKeep = 3_600_000
const staleUse = 3_600_000
const pauseBetweenRefetches = 30_000
/** Between two attempts that fail: where there are no keys, and where known ones still serve. */
const pauseWithoutKeys = 5_000
const pauseWithKeys = 30_000

const maxSets = 1000
const maxKeys = 64

interface KeptSet {
  /** Absent until a first fetch has succeeded. */
  keys?: ReadKeys
  freshUntil: number
  usableUntil: number
  refetchedAt: number
  failedAt: number
  /** Why the last fetch failed, in words for the log. */
  failure?: string
  underWay?: Promise<void>
}

export function createRemoteKeySets({
  outbound,
  clock,
}: {
  readonly outbound: Outbound
  readonly clock: Clock
}): RemoteKeySets {
  const sets = new Map<string, KeptSet>()

  const find = (name: string): KeptSet => {
    const set = sets.get(name) ?? { freshUntil: 0, usableUntil: 0, refetchedAt: 0, failedAt: 0 }
    // The one that was used longest ago comes first, and goes first.
    sets.delete(name)
    sets.set(name, set)
    if (sets.size > maxSets) for (const oldest of [...sets.keys()].slice(0, sets.size - maxSets)) sets.delete(oldest)
    return set
  }

  const load = async (source: KeySource, set: KeptSet): Promise<void> => {
    try {
      const { keys, keep } = await fetchKeySet(outbound, source)
      set.keys = keys
      set.freshUntil = clock.milliseconds() + keep
      set.usableUntil = set.freshUntil + staleUse
    } catch (cause) {
      set.failedAt = clock.milliseconds()
      set.failure = explainFailure(cause)
      if (!set.keys || clock.milliseconds() >= set.usableUntil) throw unavailable(set.failure, cause)
    } finally {
      delete set.underWay
    }
  }
  const refresh = (source: KeySource, set: KeptSet): Promise<void> => {
    set.underWay ??= load(source, set)
    return set.underWay
  }

  return {
    async get(uri, { kid, allowsPrivate = false } = {}) {
      const source = { uri, allowsPrivate }
      // What one may have from a private network is kept apart from what all may have: others would get it without being asked.
      const set = find(`${allowsPrivate ? 'private' : 'public'} ${uri}`)
      const now = clock.milliseconds()
      if (now >= set.freshUntil) {
        const isUsable = now < set.usableUntil
        if (now - set.failedAt >= (isUsable ? pauseWithKeys : pauseWithoutKeys)) await refresh(source, set)
        else if (!isUsable) throw unavailable(`${set.failure}, a moment ago`)
      } else if (kid !== undefined && !hasKey(set, kid) && now - set.refetchedAt >= pauseBetweenRefetches) {
        set.refetchedAt = now
        await refresh(source, set)
      }
      if (!set.keys) throw unavailable('there is none')
      return set.keys
    },
  }
}

const hasKey = ({ keys }: KeptSet, kid: string): boolean => keys?.signatureKeys.some((key) => key.kid === kid) ?? false

interface KeySource {
  readonly uri: string
  readonly allowsPrivate: boolean
}

async function fetchKeySet(
  outbound: Outbound,
  { uri, allowsPrivate }: KeySource,
): Promise<{ keys: ReadKeys; keep: number }> {
  const { status, headers, text } = await outbound.fetch(uri, {
    accept: ['application/json', 'application/jwk-set+json'],
    limitBytes: 256 * 1024,
    allowsPrivate,
  })
  if (status !== 200) throw new Error(`answered with ${status}`)
  const { keys } = parseJsonObject(text)
  if (!Array.isArray(keys)) throw new Error('answered without a list of keys')
  return { keys: readKeySet(keys.slice(0, maxKeys)), keep: keepFor(headers['cache-control']) }
}

/** How long a set is kept: as its server says, within bounds. Spec: RFC 9111 section 5.2.2. */
function keepFor(cacheControl: string | undefined): number {
  const maxAge = parseMaxAge(cacheControl)
  return maxAge === undefined ? usualKeep : Math.min(longestKeep, Math.max(shortestKeep, maxAge * 1000))
}

const unavailable = (why: string, cause?: unknown): GatehouseError =>
  new GatehouseError('invalid_client', { cause: new Error(`key set (jwks_uri): ${why}`, { cause }) })
