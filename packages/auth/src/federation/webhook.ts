import { randomUUID } from 'node:crypto'
import { JsonFaultError, parseJsonObject } from '@gatehouse/core/json'
import { OutboundError, type OutboundFailure } from '../outbound/outbound-error.ts'
import { signatureHeader, signWebhook } from '../outbound/sign-webhook.ts'
import { readOwnAnswer, readOwnVerdict } from './own-answer.ts'
import type { Finding, OutsideIdentity, Provider, ProviderParts } from './provider.ts'
import { type FailureStage, ProviderFailure, type ProviderFailureReason } from './provider-failure.ts'

/** What a provider that is a program of one's own, asked over HTTP, is told. */
export interface WebhookProviderSettings {
  readonly url: string
  /** The key of the signature. */
  readonly secret: string
  /** Whether it can be asked about somebody whom it has told of before. */
  readonly refresh: boolean
}

/** The statuses by which it, or what stands before it, turns us away: a secret, an address. */
const turningAway: ReadonlySet<number> = new Set([401, 403, 404])
/**
 * Milliseconds after a 200 in which such a status is about what was asked: it turns not everybody away. Threat: a program that
 * answers a wrong password so, and guesses that count for nothing.
 */
const mixedMs = 60_000

/** What it is asked, beside the id. */
type Event =
  | { readonly event: 'check'; readonly username: string; readonly password: string; readonly address: string }
  | { readonly event: 'refresh'; readonly subject: string }
  | { readonly event: 'examine' }

/**
 * A program of one's own that is asked by a signed POST of JSON: `check` with a name and a password, `refresh` with a
 * subject. It answers 200 with `{ user: { subject, …claims } }` or `{ refused: true }`; anything else is a failure.
 * Threats: whoever else asks it (the signature, which covers the moment); an answer without end, or after a redirect.
 */
export function createWebhookProvider(
  { outbound, clock }: ProviderParts,
  { url, secret, refresh }: WebhookProviderSettings,
): Provider {
  let acceptedAt = Number.NEGATIVE_INFINITY

  async function ask(event: Event): Promise<string> {
    const body = JSON.stringify({ id: randomUUID(), ...event })
    const { status, text } = await outbound
      .fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', [signatureHeader]: signWebhook(secret, clock.now(), body) },
        body,
        accept: ['application/json'],
        limitBytes: 100_000,
        timeoutMs: 4000,
      })
      .catch((error: unknown) => {
        throw failureOf(error)
      })
    if (status === 200) {
      acceptedAt = performance.now()
      return text
    }
    const reason = status >= 500 || status === 429 ? 'unavailable' : 'misconfigured'
    const isTurnedAway = turningAway.has(status) && performance.now() - acceptedAt > mixedMs
    throw new ProviderFailure(reason, `the webhook answered ${status}`).at(isTurnedAway ? 'unasked' : 'answered')
  }
  const askForUser = async (event: Event): Promise<OutsideIdentity | undefined> =>
    readOwnAnswer(parse(await ask(event)))

  return {
    check: async ({ username, password, address }) =>
      password === '' ? undefined : readOwnVerdict(parse(await ask({ event: 'check', username, password, address }))),
    ...(refresh ? { refresh: ({ subject }) => askForAgain(subject) } : {}),
    examine: () => examine(ask),
    close() {},
  }

  /** Whoever it answers with has to be the one it was asked about. */
  async function askForAgain(subject: string): Promise<OutsideIdentity | undefined> {
    const found = await askForUser({ event: 'refresh', subject })
    if (!found || found.subject === subject) return found
    throw new ProviderFailure('invalid_answer', 'the webhook answered about somebody else')
  }
}

function parse(text: string) {
  try {
    return parseJsonObject(text)
  } catch (error) {
    const fault = error instanceof JsonFaultError ? error.fault : 'not_json'
    throw new ProviderFailure('invalid_answer', `the webhook's answer was not taken: ${fault}`)
  }
}

function failureOf(error: unknown): ProviderFailure {
  const { reason: why, wasSent } =
    error instanceof OutboundError ? error : new OutboundError('unreachable', error, true)
  const [reason, detail, stage] = failures[why]
  const isUnsent = !wasSent && (why === 'unreachable' || why === 'timeout')
  return new ProviderFailure(reason, detail, error, isUnsent ? 'unasked' : stage)
}

/** The stage is that of a request that was sent. */
const failures: Readonly<Record<OutboundFailure, readonly [ProviderFailureReason, string, FailureStage]>> = {
  url_not_allowed: ['misconfigured', 'the webhook has to be at an https address', 'unasked'],
  address_not_allowed: [
    'misconfigured',
    'the webhook is at an address that may not be asked; see private_network',
    'unasked',
  ],
  unreachable: ['unavailable', 'the webhook could not be reached', 'answered'],
  timeout: ['unavailable', 'the webhook did not answer in time', 'unanswered'],
  closed: ['unavailable', 'it was not waited for: Gatehouse is being stopped', 'unasked'],
  redirected: ['invalid_answer', 'the webhook answered with a redirect, which is not followed', 'answered'],
  wrong_type: ['invalid_answer', 'the webhook did not answer with application/json', 'answered'],
  encoded: ['invalid_answer', 'the webhook answered with something compressed', 'answered'],
  too_large: ['invalid_answer', 'the webhook answered more than is read', 'answered'],
}

/** Asks it something harmless: it may answer anything that is JSON, such as `{ "refused": true }`. */
async function* examine(ask: (event: Event) => Promise<string>): AsyncIterable<Finding> {
  const what = 'webhook'
  try {
    parse(await ask({ event: 'examine' }))
    yield { what, state: 'ok', says: 'it answers, and takes our signature' }
  } catch (error) {
    const says = error instanceof ProviderFailure ? error.detail : 'it could not be asked'
    yield { what, state: 'wrong', says: `${says}; event "examine" wants 200 and JSON such as {"refused": true}` }
  }
}
