import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type StartedAuth, startAuth } from '@gatehouse/auth/testing/start-auth'
import { ManualClock } from '@gatehouse/core/time'
import { openStore } from '@gatehouse/store/store'
import { startPostgres } from '@gatehouse/store/testing/postgres'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let postgres: Awaited<ReturnType<typeof startPostgres>>
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-rotation-'))
beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(async () => {
  await postgres?.stop()
  rmSync(folder, { recursive: true })
})

const databases: Record<string, () => Promise<string>> = {
  SQLite: async () => join(folder, `${Math.random()}.db`),
  Postgres: () => postgres.newDatabase(),
}

/** Times that pass, and how. Postgres goes by its own clock, which nobody turns and which goes on by itself: its rows get older. */
const waits: Record<string, readonly number[]> = { SQLite: [1, 29, 31, 60], Postgres: [1, 20, 31, 60] }
async function pass(name: string, url: string, { clock }: StartedAuth, wait: number): Promise<void> {
  clock.advance(wait)
  if (name === 'Postgres') await postgres.ageRotations(url, wait)
}

interface Outcome {
  readonly status: number
  readonly token: string
}

const refresh = async (started: StartedAuth, refresh_token: string): Promise<Outcome> => {
  const response = await started.postJson('/token/refresh', { refresh_token })
  const body = (await response.json()) as { refresh_token?: string }
  return { status: response.status, token: body.refresh_token ?? '' }
}

for (const [name, newUrl] of Object.entries(databases)) {
  describe(`refresh rotation on ${name}`, () => {
    let started: StartedAuth
    let second: StartedAuth
    let url: string
    beforeAll(async () => {
      const clock = new ManualClock()
      url = await newUrl()
      started = await startAuth({ clock, store: await openStore({ url, clock }) })
      // A second process on the same database: nothing of the decision may live in memory.
      second = await startAuth({ clock, store: await openStore({ url, clock }) })
    })
    afterAll(async () => {
      await second.close()
      await started.close()
    })

    it('gives two hundred parallel uses of one token one lineage', async () => {
      const { refresh_token } = await started.signIn()
      const outcomes = await Promise.all(
        Array.from({ length: 200 }, (_, index) => refresh(index % 2 ? started : second, refresh_token)),
      )
      expect(outcomes.every(({ status }) => status === 200)).toBe(true)
      expect(new Set(outcomes.map(({ token }) => token)).size).toBe(1)
      const [winner] = outcomes
      expect((await refresh(second, winner?.token ?? '')).status).toBe(200)
    })

    it('never forks and never accepts a token twice, whatever is tried in which order', async () => {
      const step = fc.oneof(
        { weight: 4, arbitrary: fc.record({ use: fc.constant('current' as const), at: fc.boolean() }) },
        { weight: 2, arbitrary: fc.record({ use: fc.constant('previous' as const), at: fc.boolean() }) },
        { weight: 1, arbitrary: fc.record({ use: fc.constant('oldest' as const), at: fc.boolean() }) },
        { weight: 1, arbitrary: fc.record({ wait: fc.constantFrom(...(waits[name] ?? [])) }) },
      )
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
          const lineage = [(await started.signIn()).refresh_token]
          let rotatedAt = started.clock.now() as number
          let ended = false
          for (const one of steps) {
            if ('wait' in one) {
              await pass(name, url, started, one.wait)
              continue
            }
            const back = one.use === 'current' ? 1 : one.use === 'previous' ? 2 : lineage.length
            const presented = Math.max(0, lineage.length - back)
            const { status, token } = await refresh(one.at ? started : second, lineage[presented] ?? '')
            const age = lineage.length - 1 - presented
            const isRetry = age === 1 && started.clock.now() - rotatedAt <= 30
            if (ended) {
              expect(status).toBe(400)
            } else if (age === 0) {
              expect(status).toBe(200)
              expect(lineage).not.toContain(token)
              lineage.push(token)
              rotatedAt = started.clock.now()
            } else if (isRetry) {
              expect([status, token]).toEqual([200, lineage.at(-1)])
            } else {
              expect(status).toBe(400)
              ended = true
            }
          }
        }),
        { numRuns: 25 },
      )
    })
  })
}

describe.each([50, -50])('two processes whose clocks lie %d seconds apart', (apart) => {
  it('give parallel refreshes and retries one lineage, and see no theft in them', async () => {
    const url = await postgres.newDatabase()
    const start = async (clock: ManualClock) => startAuth({ clock, store: await openStore({ url, clock }) })
    const first = await start(new ManualClock())
    const second = await start(new ManualClock(1_800_000_000 + apart))
    try {
      const { refresh_token } = await first.signIn()
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, index) => refresh(index % 2 ? first : second, refresh_token)),
      )
      expect(outcomes.map(({ status }) => status)).toEqual(outcomes.map(() => 200))
      expect(new Set(outcomes.map(({ token }) => token)).size).toBe(1)
      const successor = outcomes[0]?.token ?? ''
      const next = await refresh(first, successor)
      expect(await refresh(second, successor)).toEqual(next)
      expect((await refresh(second, next.token)).status).toBe(200)
      await postgres.ageRotations(url, 31)
      expect((await refresh(first, next.token)).status).toBe(400)
      expect((await first.store.audit.list({ type: 'refresh_token_theft', limit: 10 })).length).toBe(1)
    } finally {
      await second.close()
      await first.close()
    }
  })
})
