import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManualClock } from '@gatehouse/core/time'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sqliteDialect } from '../dialect.ts'
import { openStore } from '../store.ts'
import { startByCode, startInSession } from '../tables/grants.ts'
import { buildGrant, start } from '../testing/rows.ts'

let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-plans-'))
  const store = await openStore({ url: join(folder, 'gatehouse.db'), clock: new ManualClock() })
  await store.migrate()
  await store.close()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const row = { ...buildGrant(), now: start, membership_version: null }

it.each([
  ['in a session', startInSession.query(sqliteDialect, row)],
  ['by a code', startByCode.query(sqliteDialect, { ...row, code_hash: 'x' })],
])('a grant that starts %s has the others counted by the index of its session alone', (_, { sql, parameters }) => {
  const database = new Database(join(folder, 'gatehouse.db'), { readonly: true })
  const plan = database.prepare(`explain query plan ${sql}`).all(...parameters) as { detail: string }[]
  database.close()
  const ways = plan.map(({ detail }) => detail).filter((detail) => detail.includes('others'))
  expect(ways).toHaveLength(1)
  expect(ways[0]).toMatch(/USING INDEX \w*session_id\w* \(session_id=\?\)/)
})
