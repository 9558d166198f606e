import { ManualClock, seconds } from '@gatehouse/core/time'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Store } from '../store.ts'
import { TestDatabases } from '../testing/databases.ts'
import { start } from '../testing/rows.ts'

const databases = new TestDatabases()
const clock = new ManualClock()
let first: Store
let second: Store
let reader: Store

beforeAll(async () => {
  const opened = await databases.openNew('Postgres')
  first = opened.store
  second = (await databases.open(opened.url, clock)).store
  reader = (await databases.open(opened.url, clock)).store
})
afterAll(() => databases.stop())

const entry = (value: string) => ({
  kind: 'sid' as const,
  value,
  issued_before: null,
  expires_at: seconds(start + 300),
})

it('shows a reader nothing out of order, where a later transaction would have been committed first', async () => {
  const seen: string[] = []
  let readUpTo = 0
  const read = async (): Promise<void> => {
    for (const row of await reader.revocations.from(readUpTo + 1, 100)) {
      seen.push(row.value)
      readUpTo = row.seq
    }
  }
  let goOn = (): void => {}
  const held = new Promise<void>((resolve) => {
    goOn = resolve
  })
  let drawn = (): void => {}
  const hasDrawn = new Promise<void>((resolve) => {
    drawn = resolve
  })
  // Draws the smaller number, and takes its time to commit.
  const slow = first.transaction(async ({ revocations }) => {
    await revocations.append([entry('slow')])
    drawn()
    await held
  })
  await hasDrawn
  // Draws the greater number, and could be committed at once.
  const quick = second.revocations.append([entry('quick')])
  await Promise.race([quick, new Promise((resolve) => setTimeout(resolve, 300))])
  await read()
  goOn()
  await Promise.all([slow, quick])
  await read()
  expect(seen).toEqual(['slow', 'quick'])
})
