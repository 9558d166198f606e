import type { ClientId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { JsonFaultError, parseJsonObject } from '@gatehouse/core/json'
import type { Clock } from '@gatehouse/core/time'
import { parseMaxAge } from '@gatehouse/guard/fetch-json'
import type { Outbound } from '../outbound/outbound.ts'
import { OutboundError } from '../outbound/outbound-error.ts'
import { parseRegistration, type RegisteredClient, type RegistrationPolicy } from './client-registration.ts'
import { checkSectorIdentifier } from './sector-identifier.ts'

/** Clients whose id is the address of a document that describes them. */
export interface ClientDocuments {
  /**
   * What the document says; `undefined` where there is none, or it is not fit to be one. Kept for as long as its headers say,
   * between a minute and an hour; what could not be read is asked for again after half a minute at the earliest. While its server
   * is away, what is known serves for an hour beyond its time, as key sets do.
   * Spec: OAuth Client ID Metadata Document. Cost: a request where nothing is kept, two for a client of a sector. Error:
   * `temporarily_unavailable` where too many are being read: anybody can name an address.
   */
  find(id: string): Promise<RegisteredClient | undefined>
}

interface Dependencies {
  readonly outbound: Outbound
  readonly clock: Clock
  readonly policy: () => RegistrationPolicy
}

interface KeptDocument {
  readonly client: Promise<RegisteredClient | undefined>
  until: number
  /** What was read last, and until when it serves while nothing can be read; absent where nothing fit ever was. */
  last?: LastDocument | undefined
}

interface LastDocument {
  readonly client: RegisteredClient
  readonly usableUntil: number
}

/** What came of reading one. `isAway`: its server did not answer, or not as one that knows. */
interface Outcome {
  readonly client: RegisteredClient | undefined
  readonly seconds: number
  readonly isAway?: boolean
}

const documentLimit = 5120
const kept = { least: 60, most: 3600, failure: 30 }
/** Seconds for which a document serves beyond its time while its server is away. */
const staleUse = 3600
/** How many are kept of those that are fit, and of the others: addresses that a stranger makes up take the place of their like alone. */
const cacheLimit = 1000
/** Documents that may be on their way at a time. */
const readsAtATime = 100

/** Whether a client id is an address: https, with a path, and spelled in the one way that a URL parser leaves as it is. */
export function isDocumentAddress(id: string): id is ClientId {
  if (!/^https?:\/\/[!-~]+$/.test(id) || id.length > 512 || !URL.canParse(id)) return false
  const url = new URL(id)
  return (
    url.href === id &&
    url.pathname !== '/' &&
    url.hash === '' &&
    url.username === '' &&
    url.password === '' &&
    !id.includes('#')
  )
}

export function createClientDocuments({ outbound, clock, policy }: Dependencies): ClientDocuments {
  const fit = new Map<string, KeptDocument>()
  const others = new Map<string, KeptDocument>()
  let underWay = 0

  const read = async (id: string): Promise<Outcome> => {
    try {
      const { status, headers, text } = await outbound.fetch(id, {
        accept: ['application/json'],
        limitBytes: documentLimit,
      })
      if (status !== 200) return { client: undefined, seconds: kept.failure, isAway: status >= 500 }
      const client = parseDocument(id, text, policy())
      if (client) await checkSectorIdentifier(outbound, client)
      return { client, seconds: lifetimeOf(headers['cache-control']) }
    } catch (error) {
      if (error instanceof OutboundError || error instanceof GatehouseError || error instanceof JsonFaultError) {
        const isAway = error instanceof OutboundError && (error.reason === 'unreachable' || error.reason === 'timeout')
        return { client: undefined, seconds: kept.failure, isAway }
      }
      throw error
    }
  }
  /** Reads it, or takes what is known while that is not to be had. */
  const renew = async (id: string, last: LastDocument | undefined): Promise<Outcome> => {
    const outcome = await read(id)
    const isLasting = outcome.isAway && last !== undefined && clock.now() < last.usableUntil
    return isLasting ? { ...outcome, client: last.client } : outcome
  }
  return {
    async find(id) {
      const known = fit.get(id) ?? others.get(id)
      if (known && known.until > clock.now()) return known.client
      if (underWay >= readsAtATime) throw new GatehouseError('temporarily_unavailable', { retryAfter: 5 })
      underWay += 1
      const last = known?.last
      const reading = renew(id, last).finally(() => {
        underWay -= 1
      })
      const entry: KeptDocument = {
        client: reading.then(({ client }) => client),
        until: clock.now() + kept.failure,
        last,
      }
      keep(last ? fit : others, id, entry)
      reading.then(
        ({ client, seconds, isAway }) => {
          entry.until = clock.now() + seconds
          // A definite no ends what was known: its server may be made unreachable afterwards.
          if (!isAway) entry.last = client && { client, usableUntil: entry.until + staleUse }
          fit.delete(id)
          others.delete(id)
          keep(client ? fit : others, id, entry)
        },
        () => {
          fit.delete(id)
          others.delete(id)
        },
      )
      return entry.client
    },
  }
}

/** Puts one last; the one that was put longest ago goes where there are too many. */
function keep(documents: Map<string, KeptDocument>, id: string, document: KeptDocument): void {
  documents.delete(id)
  const [oldest] = documents.keys()
  if (documents.size >= cacheLimit && oldest !== undefined) documents.delete(oldest)
  documents.set(id, document)
}

/** A document must name its own address, and cannot hold a secret: everybody can read it. */
function parseDocument(id: string, text: string, policy: RegistrationPolicy): RegisteredClient | undefined {
  const said = parseJsonObject(text)
  if (said.client_id !== id || 'client_secret' in said || 'client_secret_expires_at' in said) return undefined
  const client = parseRegistration({ token_endpoint_auth_method: 'none', ...said }, policy)
  return client.authMethod === 'none' || client.authMethod === 'private_key_jwt' ? client : undefined
}

const lifetimeOf = (cacheControl: string | undefined): number =>
  Math.min(kept.most, Math.max(kept.least, parseMaxAge(cacheControl) ?? kept.least))
