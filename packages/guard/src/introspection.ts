import { GatehouseError } from '@gatehouse/core/errors'
import type { Clock } from '@gatehouse/core/time'
import { LRUCache } from 'lru-cache'
import { buildBasic, type ClientCredential, formEncode } from './client-credential.ts'
import type { Discovery } from './discovery.ts'
import { fetchJson } from './fetch-json.ts'

/** For how many milliseconds an answer is used again. */
const answerLifetime = 5000
const maxAnswers = 10_000

/** Asks the issuer whether a token is still good. */
export interface Introspection {
  /**
   * Whether the issuer says that this very token is active. An answer counts for 5 s; failures are never kept.
   * Callers with the same token at the same time share one request. Throws `temporarily_unavailable`.
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

  return {
    async isActive(token) {
      const known = answers.get(token)
      if (known && clock.milliseconds() < known.until) return known.active
      let asked = asking.get(token)
      if (!asked) {
        asked = ask(token)
          .catch((error: unknown) => {
            discovery.forget()
            throw error
          })
          .finally(() => asking.delete(token))
        asking.set(token, asked)
      }
      return asked
    },
  }
}
