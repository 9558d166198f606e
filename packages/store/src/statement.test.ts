import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { postgresDialect, sqliteDialect } from './dialect.ts'
import { defineStatement } from './statement.ts'

let built = 0
const statement = defineStatement<{ id: string; at: number }>('test', ({ db, dialect, parameter }) => {
  built += 1
  return db
    .selectFrom('users')
    .select(sql<number>`${parameter('at')}`.as('at'))
    .select(dialect.greatest(sql<number>`1`, parameter('at')).as('greater'))
    .where('status', '=', 'active')
    .where('username', '=', parameter('id'))
})

it('puts each value in its place, however often it stands there, and constants in theirs', () => {
  const { sql, parameters, name } = statement.query(sqliteDialect, { id: 'x', at: 5 })
  expect(sql).toBe('select ? as "at", max(1, ?) as "greater" from "users" where "status" = ? and "username" = ?')
  expect(parameters).toEqual([5, 5, 'active', 'x'])
  expect(name).toBe('test')
})

it('is written once per database', () => {
  const again = statement.query(sqliteDialect, { id: 'y', at: 6 })
  const other = statement.query(postgresDialect, { id: 'z', at: 7 })
  statement.query(postgresDialect, { id: 'z', at: 7 })
  expect(again.parameters).toEqual([6, 6, 'active', 'y'])
  expect(other.sql).toContain('greatest(1, $2)')
  expect(built).toBe(2)
})
