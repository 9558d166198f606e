import type { ClientNotice, OnClientNotice } from '@gatehouse/auth/domain/client-notice'
import type { Logger } from './log.ts'
import type { PairCounter } from './metrics.ts'

/** Clients of which is remembered what has been said: those that register themselves must not fill the memory. */
const mostRemembered = 10_000

const failed = {
  logout: 'a client is not told of sessions that end, which is tried again later',
  ping: 'a client is not told of a decision, which is tried again in a moment',
} as const
const givenUp = {
  logout: 'a client was not told that a session has ended: given up',
  ping: 'a client was not told of a decision: given up; it may ask for itself',
} as const
const works = {
  logout: 'a client is told again of sessions that end',
  ping: 'a client is told again of decisions',
} as const

/**
 * Counts what becomes of notices to clients, and says why they do not arrive: that they fail, and that one is given up, each once for
 * a client until one arrives, so that a server that is away for a day is two lines and not thousands.
 */
export function createClientNoticeLog(
  log: Pick<Logger, 'info' | 'warn'>,
  counter: Pick<PairCounter, 'count'>,
): OnClientNotice {
  const said = new Map<string, Set<ClientNotice['result']>>()

  const isNews = (name: string, result: ClientNotice['result']): boolean => {
    const before = said.get(name) ?? new Set()
    if (before.has(result)) return false
    said.set(name, before.add(result))
    const [oldest] = said.keys()
    if (said.size > mostRemembered && oldest !== undefined) said.delete(oldest)
    return true
  }
  return ({ kind, clientId, result, why }) => {
    counter.count(kind, result)
    const name = `${kind} ${clientId}`
    if (result === 'delivered') {
      if (said.delete(name)) log.info({ client_id: clientId }, works[kind])
    } else if (isNews(name, result)) {
      log.warn({ client_id: clientId, why }, (result === 'failed' ? failed : givenUp)[kind])
    }
  }
}
