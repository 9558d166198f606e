import type { SessionId } from '@gatehouse/core/brand'
import type { Connection } from '../database.ts'
import type { SessionClientRow } from '../rows.ts'
import { defineStatement, rowOfParameters } from '../statement.ts'

const columns = [
  'session_id',
  'client_id',
  'subject',
  'sid',
  'expires_at',
] as const satisfies readonly (keyof SessionClientRow)[]

const put = defineStatement<SessionClientRow>('session-clients.put', ({ db, parameter }) =>
  db
    .insertInto('session_clients')
    .values(rowOfParameters<SessionClientRow>(columns, parameter))
    .onConflict((conflict) => conflict.columns(['session_id', 'client_id']).doNothing()),
)

/** Which clients know of which session. Each query is one statement. */
export interface SessionClients {
  /** Notes it; nothing changes where it is known already. Hot: compiled once. */
  put(row: SessionClientRow): Promise<void>
  /** Takes away and returns those of the sessions: of any number of callers, one gets each. */
  endBySessions(sessions: readonly SessionId[]): Promise<SessionClientRow[]>
  listBySession(session: SessionId): Promise<SessionClientRow[]>
}

/** Builds the queries of the table `session_clients`. */
export function createSessionClients(connection: Connection): SessionClients {
  const { db, dialect } = connection
  return {
    async put(row) {
      await put.run(connection, row)
    },
    async endBySessions(sessions) {
      const ended: SessionClientRow[] = []
      // In parts, since a statement takes only so many parameters.
      for (let from = 0; from < sessions.length; from += 500) {
        const part = sessions.slice(from, from + 500)
        const rows = await db
          .deleteFrom('session_clients')
          .where(({ eb, refTuple, selectFrom }) =>
            eb(
              refTuple('session_id', 'client_id'),
              'in',
              selectFrom('session_clients')
                .select(['session_id', 'client_id'])
                .where('session_id', 'in', part)
                .orderBy('session_id')
                .orderBy('client_id')
                .modifyEnd(dialect.forUpdate)
                .$asTuple('session_id', 'client_id'),
            ),
          )
          .returningAll()
          .execute()
        ended.push(...rows)
      }
      return ended
    },
    listBySession: (session) =>
      db.selectFrom('session_clients').selectAll().where('session_id', '=', session).orderBy('client_id').execute(),
  }
}
