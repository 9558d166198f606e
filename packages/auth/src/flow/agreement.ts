import type { JsonObject } from '@gatehouse/core/json'
import type { Clock } from '@gatehouse/core/time'
import { splitWords } from '@gatehouse/core/words'
import type { ConsentRow } from '@gatehouse/store/rows'
import type { Tables } from '@gatehouse/store/store'
import { recordEvent } from '../domain/audit.ts'
import type { Client } from '../domain/clients.ts'
import type { EndpointRequest } from '../http/endpoint.ts'
import type { Acting } from './acting.ts'

/** What a user would let a client have. */
export interface Offer {
  readonly scope: string
  /** The scope, and what would bring the claims that are asked for by name: this is what the user is told. */
  readonly told: string
  readonly audiences: readonly string[]
  readonly details: readonly JsonObject[] | undefined
}

/** Whether more is offered than the user has agreed to before. One's own apps do not ask. */
export function needsConsent(client: Client, consent: ConsentRow | undefined, offer: Offer): boolean {
  if (client.firstParty || client.skipConsent) return false
  if (!consent) return true
  const agreed = new Set(consent.scope.split(' '))
  const audiences = new Set(consent.audience.split(' '))
  const details = offer.details === undefined ? null : JSON.stringify(offer.details)
  return (
    offer.told.split(' ').some((scope) => scope !== '' && !agreed.has(scope)) ||
    offer.audiences.some((audience) => !audiences.has(audience)) ||
    (details !== null && details !== consent.authorization_details)
  )
}

/** What has been agreed to so far, and now. */
export const mergeWords = (before: string | undefined, now: string): string =>
  [...new Set(splitWords(`${before ?? ''} ${now}`))].join(' ')

/**
 * What a user has agreed to for a client in the name in which they act now. Threat: a client that is let into one organisation
 * and asks without a word for another of the same user.
 */
export const findConsent = (
  { consents }: Pick<Tables, 'consents'>,
  client: Client,
  { user, access }: Acting,
): Promise<ConsentRow | undefined> => consents.find(user.id, client.id, organisationOf(access))

const organisationOf = ({ organisation }: Acting['access']) => organisation?.organisation_id ?? null

/** Notes what a user has agreed to, beside what they had agreed to before in the same name, in the transaction of what it leads to. */
export async function recordConsent(
  { clock }: { readonly clock: Clock },
  tables: Tables,
  client: Client,
  { address, requestId }: Pick<EndpointRequest<never>, 'address' | 'requestId'>,
  acting: Acting,
  offer: Offer,
): Promise<void> {
  const { user, session, access } = acting
  const before = await findConsent(tables, client, acting)
  const organisation = organisationOf(access)
  const now = clock.now()
  await tables.consents.put({
    user_id: user.id,
    client_id: client.id,
    organisation_id: organisation,
    scope: mergeWords(before?.scope, offer.told),
    audience: mergeWords(before?.audience, offer.audiences.join(' ')),
    authorization_details: offer.details ? JSON.stringify(offer.details) : (before?.authorization_details ?? null),
    granted_at: now,
  })
  await recordEvent(tables, clock, {
    type: 'consent_given',
    result: 'ok',
    actor: user.id,
    target: client.id,
    client_id: client.id,
    session_id: session.id,
    address,
    request_id: requestId,
    detail: { scope: offer.told, ...(organisation === null ? {} : { organisation }) },
  })
}
