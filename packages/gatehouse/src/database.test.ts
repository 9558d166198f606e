import { GatehouseError } from '@gatehouse/core/errors'
import { describe, expect, it } from 'vitest'
import { explainDatabase } from './database.ts'

const failure = (code: string) =>
  new GatehouseError('temporarily_unavailable', { cause: Object.assign(new Error(`${code}: words`), { code }) })

describe('what keeps a database from being used', () => {
  it.each([
    ['SQLITE_FULL', 'database a.db: cannot be written: the disk is full (SQLITE_FULL); make room there'],
    ['SQLITE_READONLY_DIRECTORY', 'database a.db: cannot be written; it and its folder must be ours to write'],
    [
      '08P01',
      'database a.db: a pooler such as PgBouncer stands before it and drops what its connections are opened with (08P01); name Postgres itself: Gatehouse pools its connections, at most ten a process and one that listens',
    ],
    [
      '25006',
      'database a.db: cannot be written: it is read-only (25006); a standby? Name the server that takes writes',
    ],
    ['42501', 'database a.db: 42501: words (42501); let the role own the database'],
    ['53300', expect.stringMatching('max_connections')],
    ['57P03', expect.stringMatching('starting or stopping')],
    ['55P03', expect.stringMatching('locked by another process')],
    ['ETIMEDOUT', expect.stringMatching('does not answer')],
    [
      '42P07',
      'database a.db: 42P07: words, left by a newer version: an older backup was restored over it; restore it into an empty database (docs/guides/backup.md)',
    ],
    ['SQLITE_CORRUPT_INDEX', 'database a.db: is damaged: stop, and restore a backup (docs/guides/backup.md)'],
  ])('is said in words: %s', (code: string, words: unknown) => {
    expect(explainDatabase({ database: 'a.db' }, failure(code))?.message).toEqual(words)
  })

  it('is not said of what has other reasons', () => {
    expect(explainDatabase({ database: 'a.db' }, failure('SQLITE_CONSTRAINT_UNIQUE'))).toBeUndefined()
    expect(explainDatabase({ database: 'a.db' }, new GatehouseError('not_found'))).toBeUndefined()
    expect(explainDatabase({ database: 'a.db' }, new Error('else'))).toBeUndefined()
  })
})
