import { randomUUID } from 'node:crypto'
import { JsonFaultError, parseJsonObject } from '@gatehouse/core/json'
import { OutboundError, type OutboundFailure } from '../outbound/outbound-error.ts'
import { signatureHeader, signWebhook } from '../outbound/sign-webhook.ts'
import { readOwnAnswer } from './own-answer.ts'
import type { Finding, OutsideIdentity, Provider, ProviderParts } from './provider.ts'
import { ProviderFailure, type ProviderFailureReason } from './provider-failure.ts'

/** What a provider that is a program of one's own, asked over HTTP, is told. */
export interface WebhookProviderSettings {
  readonly url: string
  /** The key of the signature. */
  readonly secret: string
  /** Whether it can be asked about somebody whom it has told of before. */
  readonly refresh: boolean
}

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
    if (status === 200) return text
    const reason = status >= 500 || status === 429 ? 'unavailable' : 'misconfigured'
    throw new ProviderFailure(reason, `the webhook answered ${status}`)
  }
  const askForUser = async (event: Event): Promise<OutsideIdentity | undefined> =>
    readOwnAnswer(parse(await ask(event)))

  return {
    check: async ({ username, password, address }) =>
      password === '' ? undefined : askForUser({ event: 'check', username, password, address }),
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
  const why = error instanceof OutboundError ? error.reason : 'unreachable'
  const [reason, detail] = failures[why]
  return new ProviderFailure(reason, detail, error)
}

const failures: Readonly<Record<OutboundFailure, readonly [ProviderFailureReason, string]>> = {
  url_not_allowed: ['misconfigured', 'the webhook has to be at an https address'],
  address_not_allowed: ['misconfigured', 'the webhook is at an address that may not be asked; see private_network'],
  unreachable: ['unavailable', 'the webhook could not be reached'],
  timeout: ['unavailable', 'the webhook did not answer in time'],
  closed: ['unavailable', 'it was not waited for: Gatehouse is being stopped'],
  redirected: ['invalid_answer', 'the webhook answered with a redirect, which is not followed'],
  wrong_type: ['invalid_answer', 'the webhook did not answer with application/json'],
  encoded: ['invalid_answer', 'the webhook answered with something compressed'],
  too_large: ['invalid_answer', 'the webhook answered more than is read'],
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
