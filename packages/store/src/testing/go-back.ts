import Database from 'better-sqlite3'
import pg from 'pg'

/**
 * Takes the revocations of a database back to a number, as a backup would that was made then, or a standby that had received
 * no more: what came later is gone, and its numbers are given again.
 */
export async function goBack(url: string, seq: number): Promise<void> {
  if (!url.startsWith('postgres:')) {
    const database = new Database(url)
    database.prepare('delete from revocations where seq > ?').run(seq)
    database.prepare("update sqlite_sequence set seq = ? where name = 'revocations'").run(seq)
    database.close()
    return
  }
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('delete from revocations where seq > $1', [seq])
  await client.query("select setval(pg_get_serial_sequence('revocations', 'seq'), $1)", [seq])
  await client.end()
}
