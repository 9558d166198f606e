import type { AuditEventRow, UserRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'

/** Events that are read at a time, and in all: what is older than those is not told. */
const chunk = 500
const eventLimit = 10_000

/**
 * Everything that is kept of a user, as plain data without anything by which one could sign in. Moments are ISO 8601 in UTC.
 * Cost: a read of each table, and one for every 500 events. Spec: GDPR articles 15 and 20.
 */
export async function collectOwnData(store: Store, user: UserRow): Promise<object> {
  const [sessions, consents, factors, memberships, links, events] = await Promise.all([
    store.sessions.listByUser(user.id),
    store.consents.listByUser(user.id),
    store.factors.listByUser(user.id),
    store.memberships.listByUser(user.id),
    store.linkedIdentities.listByUser(user.id),
    listEvents(store, user),
  ])
  return {
    account: {
      id: user.id,
      username: user.username,
      name: user.name,
      email: user.email,
      email_verified_at: user.email_verified_at === null ? null : told(user.email_verified_at),
      locale: user.locale,
      status: user.status,
      scopes: user.scopes,
      roles: user.roles,
      has_password: user.password_hash !== null,
      created_at: told(user.created_at),
      updated_at: told(user.updated_at),
    },
    sessions: sessions.map(({ id, amr, acr, address, device, auth_time, created_at, expires_at }) => ({
      ...{ id, amr, acr, address, device },
      ...{ auth_time: told(auth_time), created_at: told(created_at), expires_at: told(expires_at) },
    })),
    factors: factors.map(({ id, kind, name, created_at, last_used_at }) => ({
      ...{ id, kind, name, created_at: told(created_at) },
      last_used_at: last_used_at === null ? null : told(last_used_at),
    })),
    applications: consents.map(
      ({ client_id, organisation_id, scope, audience, authorization_details, granted_at }) => ({
        ...{
          client_id,
          organisation: organisation_id,
          scope,
          audience,
          authorization_details,
          granted_at: told(granted_at),
        },
      }),
    ),
    organisations: memberships.map(({ organisation_id, name, slug, roles, created_at }) => ({
      ...{ id: organisation_id, name, slug, roles, since: told(created_at) },
    })),
    linked_accounts: links.map(({ provider, subject, label, created_at, last_used_at }) => ({
      ...{ provider, subject, label, since: told(created_at), last_used_at: told(last_used_at) },
    })),
    history: events.map(({ at, type, result, client_id, session_id, address, count }) => ({
      ...{ at: told(at), type, result, client_id, session_id, address, count },
    })),
  }
}

const told = (moment: number): string => new Date(moment * 1000).toISOString()

async function listEvents({ audit }: Pick<Store, 'audit'>, { id }: UserRow): Promise<readonly AuditEventRow[]> {
  const events: AuditEventRow[] = []
  while (events.length < eventLimit) {
    const last = events.at(-1)
    const next = await audit.list({ target: id, limit: chunk, ...(last ? { before: last.id } : {}) })
    events.push(...next)
    if (next.length < chunk) break
  }
  return events
}
