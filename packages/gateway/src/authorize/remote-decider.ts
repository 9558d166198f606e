import { hash } from 'node:crypto'
import { GatheredBytes } from '@gatehouse/core/gathered-bytes'
import type { Denial } from '../denial.ts'
import type { PatternParameter } from '../path-pattern.ts'
import type { AskedRequest } from './asked-request.ts'
import { CircuitBreaker } from './circuit-breaker.ts'
import { RememberedAnswers } from './remembered-answers.ts'

/** What an answer means; `undefined`: it means nothing that is known. */
export interface RemoteVerdict {
  readonly allowed: boolean
  /** What the decider says of it, for the log. */
  readonly reason?: string | undefined
}

/** How somebody outside is asked, as the configuration says it. */
export interface RemoteDefinition {
  /** Where the question is posted. */
  readonly url: string
  /** A bearer token for the decider. */
  readonly token?: string | undefined
  /** Milliseconds for the whole answer. */
  readonly timeout: number
  /** Milliseconds for which an answer counts for the same question; 0 = each is asked anew. */
  readonly cacheFor: number
  /** How many questions may be under way; 256 unless said otherwise. */
  readonly atATime?: number
  /** What is posted as JSON; throws where there is no question, which is then a no. */
  readonly question: (asked: AskedRequest, parameters: readonly PatternParameter[]) => unknown
  readonly readAnswer: (answer: unknown) => RemoteVerdict | undefined
}

/** Somebody outside who decides. */
export interface RemoteDecider {
  readonly url: string
  /**
   * Asks. Codes: forbidden for a no, temporarily_unavailable for whatever is no answer. Cost: a request, unless the same has
   * been asked just before. Stops: an outage of the decider that lets everybody through, or that holds up every request.
   */
  decide(asked: AskedRequest, parameters: readonly PatternParameter[], needed: string): Promise<Denial | undefined>
}

/** How many answers are remembered, and how long one may be. */
const bounds = { remembered: 10_000, answerBytes: 65_536 }

/** Builds a decider. It opens no connection before it is asked. */
export function createRemoteDecider(definition: RemoteDefinition): RemoteDecider {
  const { url, cacheFor, atATime = 256 } = definition
  const breaker = new CircuitBreaker()
  const remembered = new RememberedAnswers<RemoteVerdict>(bounds.remembered)
  const underWay = new Map<string, Promise<RemoteVerdict>>()

  const ask = async (key: string, body: string, now: number): Promise<RemoteVerdict> => {
    if (underWay.size >= atATime) throw new Error('too many questions are under way')
    if (!breaker.mayTry(now)) throw new Error('it has failed several times and is left alone for a while')
    const startedAt = performance.now()
    const nowAfter = (): number => now + performance.now() - startedAt
    try {
      const verdict = await post(definition, body)
      breaker.succeed()
      if (cacheFor > 0) remembered.remember(key, verdict, { from: now, until: now + cacheFor })
      return verdict
    } catch (error) {
      breaker.fail(nowAfter())
      throw error
    }
  }
  const find = (body: string, now: number): RemoteVerdict | Promise<RemoteVerdict> => {
    // The question is the key, in whole: no two questions have one text.
    const key = hash('sha256', body, 'base64url')
    const known = remembered.find(key, now)
    if (known !== undefined) return known
    const running = underWay.get(key)
    if (running !== undefined) return running
    const asking = ask(key, body, now).finally(() => underWay.delete(key))
    underWay.set(key, asking)
    return asking
  }
  return {
    url,
    async decide(asked, parameters, needed) {
      const rule = 'require.remote'
      let body: string
      try {
        body = JSON.stringify(definition.question(asked, parameters))
      } catch (error) {
        return { code: 'forbidden', rule, reason: `there is nothing to ask ${url}: ${messageOf(error)}`, needed }
      }
      try {
        const { allowed, reason } = await find(body, asked.now)
        if (allowed) return undefined
        const why = reason === undefined ? '' : `: ${reason.slice(0, 300)}`
        return { code: 'forbidden', rule, reason: `${url} says no${why}`, needed }
      } catch (error) {
        const reason = `${url} gave no answer: ${messageOf(error)}`
        return { code: 'temporarily_unavailable', rule, reason, needed, headers: ['retry-after', '1'] }
      }
    },
  }
}

async function post({ url, token, timeout, readAnswer }: RemoteDefinition, body: string): Promise<RemoteVerdict> {
  const response = await fetch(url, {
    ...{ method: 'POST', body, redirect: 'error', signal: AbortSignal.timeout(timeout) },
    headers: {
      ...{ 'content-type': 'application/json', accept: 'application/json' },
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
  })
  const text = await readBounded(response)
  if (response.status !== 200) throw new Error(`status ${response.status}`)
  const verdict = readAnswer(JSON.parse(text))
  if (verdict === undefined) throw new Error('an answer that is neither yes nor no')
  return verdict
}

async function readBounded(response: Response): Promise<string> {
  const gathered = new GatheredBytes()
  for await (const chunk of response.body ?? []) {
    gathered.add(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    // Leaving the loop ends the connection.
    if (gathered.length > bounds.answerBytes) throw new Error('an answer that is too long')
  }
  return gathered.take().toString()
}

const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const { message, cause } = error
  return cause instanceof Error ? `${message} (${cause.message})` : message
}
