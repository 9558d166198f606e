import type { Seconds } from '@gatehouse/core/brand'
import type { Clock } from '@gatehouse/core/time'
import type { Tables } from '@gatehouse/store/store'

/** What the audit trail knows: sign-ins, clients that did not prove themselves, the life of sessions and grants, theft, and every change by an administrator. */
export type AuditType =
  | 'sign_in'
  | 'client_authentication'
  | 'session_ended'
  | 'grant_ended'
  | 'refresh_token_theft'
  | 'refresh_token_from_future'
  | 'token_revoked'
  | 'code_reused'
  | 'consent_given'
  | 'consent_refused'
  | 'consent_withdrawn'
  | 'backchannel_refused'
  | 'user_added'
  | 'user_deleted'
  | 'data_downloaded'
  | 'user_invited'
  | 'sign_up_asked'
  | 'user_disabled'
  | 'user_enabled'
  | 'rights_changed'
  | 'password_set'
  | 'recovery_asked'
  | 'sign_in_mail_asked'
  | 'email_change_asked'
  | 'email_changed'
  | 'profile_changed'
  | 'factor_added'
  | 'factor_removed'
  | 'factor_renamed'
  | 'passkey_went_back'
  | 'recovery_codes_renewed'
  | 'mail_given_up'
  | 'organisation_added'
  | 'organisation_disabled'
  | 'organisation_enabled'
  | 'organisation_picked'
  | 'member_added'
  | 'member_invited'
  | 'invitation_withdrawn'
  | 'member_joined'
  | 'member_roles_changed'
  | 'member_removed'
  | 'member_left'
  | 'client_added'
  | 'client_changed'
  | 'clients_invited'
  | 'client_removed'
  | 'client_secret_rotated'
  | 'key_rotated'
  | 'key_revoked'
  | 'first_administrator_created'
  | 'identity_linked'
  | 'identity_unlinked'
  | 'roles_brought'
  | 'claims_not_mapped'
  | 'account_reclaimed'
  | 'provider_failed'
  | 'provider_tokens_read'
  | 'configuration_reloaded'

/** One event as the domain tells it. */
export interface AuditEvent {
  readonly type: AuditType
  /** `ok`, or the code of why not. */
  readonly result: string
  readonly actor?: string | null
  readonly target?: string | null
  readonly client_id?: string | null
  readonly session_id?: string | null
  readonly address?: string | null
  readonly request_id?: string | null
  readonly detail?: Readonly<Record<string, unknown>>
  /** Events of one minute with one fold are one row that counts. */
  readonly fold?: string
}

/**
 * Appends an event. Cost: one statement. With `fold`, repetitions within the same minute raise a count, so that a flood of
 * failures grows the trail by a row a minute and not by a row a try.
 */
export async function recordEvent(tables: Pick<Tables, 'audit'>, clock: Clock, event: AuditEvent): Promise<void> {
  await recordFolded(tables, clock, event)
}

/** What has happened so many times since a moment: one event, or one more of those that were folded. */
export interface CountedEvent extends AuditEvent {
  readonly at: Seconds
  readonly count: number
  readonly fold: string
}

/** As {@link recordEvent}, of what has happened before. */
export async function recordCounted(tables: Pick<Tables, 'audit'>, event: CountedEvent): Promise<void> {
  await append(tables, event, event.at, event.count)
}

/** As {@link recordEvent}; whether it is a row of its own, and not one more of those that were folded. */
export async function recordFolded(tables: Pick<Tables, 'audit'>, clock: Clock, event: AuditEvent): Promise<boolean> {
  return append(tables, event, clock.now(), 1)
}

const append = (tables: Pick<Tables, 'audit'>, event: AuditEvent, at: Seconds, count: number): Promise<boolean> =>
  tables.audit.append({
    ...rowOf(event, at),
    fold_key: event.fold === undefined ? null : `${event.type}:${event.result}:${event.fold}:${Math.floor(at / 60)}`,
    count,
  })

/** As {@link recordEvent}, of a few hundred that are folded with nothing. Cost: one statement. */
export async function recordEvents(
  tables: Pick<Tables, 'audit'>,
  clock: Clock,
  events: readonly Omit<AuditEvent, 'fold'>[],
): Promise<void> {
  const at = clock.now()
  await tables.audit.appendAll(events.map((event) => rowOf(event, at)))
}

const rowOf = (event: Omit<AuditEvent, 'fold'>, at: Seconds) => ({
  at,
  type: event.type,
  result: event.result,
  actor: event.actor ?? null,
  target: event.target ?? null,
  client_id: event.client_id ?? null,
  session_id: event.session_id ?? null,
  address: event.address ?? null,
  request_id: event.request_id ?? null,
  detail: JSON.stringify(event.detail ?? {}),
})
