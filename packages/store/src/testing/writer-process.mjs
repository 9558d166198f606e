// A process of its own that writes through the store and says each thing on standard output once it is acknowledged.
// Arguments: what to do (insert | rotate), the database, how often (0 = until it is killed).
import { writeSync } from 'node:fs'
import { ManualClock } from '@gatehouse/core/time'
import { openStore } from '../store.ts'
import { buildGrant } from './rows.ts'

const [, , task, url = '', times = '0'] = process.argv
const limit = Number(times) || Number.POSITIVE_INFINITY
const clock = new ManualClock()
const store = await openStore({ url, clock })
const say = (/** @type {string} */ line) => writeSync(1, `${line}\n`)

const tasks = {
  /** Says `<id>` for each grant that was inserted, many at a time. */
  async insert() {
    for (let round = 0; round < limit; round += 1) {
      const rows = Array.from({ length: 1 + (round % 20) }, () => buildGrant())
      await Promise.all(rows.map((row) => store.grants.insert(row).then(() => say(row.id))))
    }
  },
  /** Says `<id> <generation>` for each rotation that it won. */
  async rotate() {
    const [client] = await store.grants.clientIds()
    if (!client) throw new Error('There is no grant')
    const id = /** @type {import('@gatehouse/core/brand').GrantId} */ (process.env.GRANT)
    for (let generation = 1; generation <= limit; generation += 1) {
      const now = clock.now()
      const rotation = {
        id,
        generation,
        now,
        factor_idle: null,
        idle_expires_at: /** @type {typeof now} */ (now + 3600),
        access_expires_at: now,
      }
      const outcomes = await Promise.all([store.grants.rotate(rotation), store.grants.rotate(rotation)])
      for (const won of outcomes) if (won) say(`${id} ${generation}`)
    }
  },
}
say('ready')
await tasks[/** @type {keyof typeof tasks} */ (task)]()
await store.close()
