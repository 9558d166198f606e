import type { Tables } from '@gatehouse/store/store'
import type { BrowserSession } from '../domain/browser-sessions.ts'
import type { Client } from '../domain/clients.ts'
import type { Subjects } from '../domain/subjects.ts'

/** A client that wants to hear of the session's end is noted with the session. */
export async function noteClient(
  { subjects }: { readonly subjects: Subjects },
  tables: Tables,
  client: Client,
  { session, user }: BrowserSession,
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
