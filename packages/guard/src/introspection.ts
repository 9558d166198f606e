import { GatehouseError } from '@gatehouse/core/errors'
import type { Clock } from '@gatehouse/core/time'
import { LRUCache } from 'lru-cache'
import { buildBasic, type ClientCredential, formEncode } from './client-credential.ts'
import type { Discovery } from './discovery.ts'
import { fetchJson, UnfitAnswer } from './fetch-json.ts'

/** For how many milliseconds an answer is used again. */
const answerLifetime = 5000
const maxAnswers = 10_000
/**
 * For how many milliseconds nobody is asked after a failure: twice as long after each, and for as long as the issuer says. A service that has
 * much to do would otherwise ask an issuer that has just come back about every token at once.
 */
const pause = { first: 500, most: 5000, mostSaid: 30_000 }

/** Asks the issuer whether a token is still good. */
export interface Introspection {
  /**
   * Whether the issuer says that this very token is active. An answer counts for 5 s. After a failure nobody is asked for half a
   * second to five, or as long as the issuer says; then one caller tries, and the others wait for how that ends or are told of the
   * failure. Callers with the same token at the same time share one request. Throws `temporarily_unavailable`.
   */
  isActive(token: string): Promise<boolean>
}

/** What introspection needs: the issuer's metadata, and a client of the issuer that may introspect. */
export interface IntrospectionOptions {
  readonly discovery: Discovery
  readonly client: ClientCredential
  readonly fetch: typeof fetch
  readonly clock: Clock
}

/** Builds the introspection of one issuer. Spec: RFC 7662 section 2; the client authenticates by RFC 6749 section 2.3.1. */
export function createIntrospection({ discovery, client, fetch, clock }: IntrospectionOptions): Introspection {
  const answers = new LRUCache<string, { active: boolean; until: number }>({ max: maxAnswers })
  const asking = new Map<string, Promise<boolean>>()
  const authorization = buildBasic(client)
  let failures = 0
  let pausedUntil = 0
  let lastFailure: unknown

  const ask = async (token: string): Promise<boolean> => {
    // Counted from the question, so that a slow answer is not believed for longer.
    const until = clock.milliseconds() + answerLifetime
    const { introspectionEndpoint } = await discovery.get()
    if (!introspectionEndpoint) {
      const cause = new Error('the issuer names no introspection_endpoint')
      throw new GatehouseError('temporarily_unavailable', { cause })
    }
    const { body } = await fetchJson(fetch, introspectionEndpoint, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' },
      body: `token=${formEncode(token)}&token_type_hint=access_token`,
    })
    if (typeof body.active !== 'boolean') {
      throw new GatehouseError('temporarily_unavailable', {
        cause: new Error('an introspection answer without active'),
      })
    }
    answers.set(token, { active: body.active, until })
    return body.active
  }

  /** Notes how it went. What the metadata names is asked for anew where nobody was there, and not where somebody was busy. */
  const note = async (asked: Promise<boolean>): Promise<boolean> => {
    try {
      const active = await asked
      failures = 0
      pausedUntil = 0
      return active
    } catch (error) {
      const answer = error instanceof Error && error.cause instanceof UnfitAnswer ? error.cause : undefined
      if (answer === undefined || answer.status === 404) discovery.forget()
      lastFailure = error
      const now = clock.milliseconds()
      // Of many that fail together, one lengthens the pause.
      if (now < pausedUntil) throw error
      const usual = Math.min(pause.first * 2 ** failures, pause.most)
      const said = Math.min((answer?.retryAfter ?? 0) * 1000, pause.mostSaid)
      // A little longer, and not all processes of a service at once.
      pausedUntil = now + Math.max(usual, said) * (1 + Math.random() / 2)
      failures += 1
      throw error
    }
  }

  return {
    async isActive(token) {
      const now = clock.milliseconds()
      const known = answers.get(token)
      if (known && now < known.until) return known.active
      const asked = asking.get(token)
      if (asked) return asked
      if (failures > 0 && (now < pausedUntil || asking.size > 0)) throw lastFailure
      const asks = note(ask(token)).finally(() => asking.delete(token))
      asking.set(token, asks)
      return asks
    },
  }
}
