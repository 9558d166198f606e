import type { SessionRow, UserRow } from '@gatehouse/store/rows'
import type { Tables } from '@gatehouse/store/store'
import type { Client } from './clients.ts'
import type { Subjects } from './subjects.ts'

/**
 * A client that wants to hear of the session's end is noted with the session. Cost: one statement; none for other clients.
 */
export async function noteClient(
  { subjects }: { readonly subjects: Subjects },
  tables: Pick<Tables, 'sessionClients'>,
  client: Client,
  { session, user }: { readonly session: Pick<SessionRow, 'id' | 'expires_at'>; readonly user: Pick<UserRow, 'id'> },
): Promise<void> {
  if (!client.backchannelLogout && !client.frontchannelLogout) return
  await tables.sessionClients.put({
    session_id: session.id,
    client_id: client.id,
    subject: subjects.subjectFor(client, user.id),
    sid: subjects.sessionFor(client, session.id),
    expires_at: session.expires_at,
  })
}
