import { expect, it } from 'vitest'
import { welcome } from './welcome.ts'

const tour = { call: { path: '/orders', lacking: [] }, page: undefined, onTrial: undefined }
const say = (database: string | undefined): string =>
  welcome({ url: 'http://localhost:8080', tour, program: 'gatehouse', options: '--dev', database })

it.each([
  ["./it's own/own.db", "export GATEHOUSE_DATABASE='./it'\\''s own/own.db'\n"],
  ['./own.db', 'export GATEHOUSE_DATABASE=./own.db\n'],
])('the commands use the database file that the environment names: %s', (database, line) => {
  expect(say(database)).toContain(line)
})

it.each([undefined, '', 'postgres://user:s3cret@db.example/gatehouse'])('no address of one is told: %s', (database) => {
  expect(say(database)).not.toMatch(/GATEHOUSE_DATABASE|s3cret/)
})
