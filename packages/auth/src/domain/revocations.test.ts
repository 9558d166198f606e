import { settleTime } from '@gatehouse/core/removal-clock'
import { ManualClock, seconds } from '@gatehouse/core/time'
import { openStore, type Store } from '@gatehouse/store/store'
import { TestDatabases } from '@gatehouse/store/testing/databases'
import { goBack } from '@gatehouse/store/testing/go-back'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { longestAccessTokenLifetime } from './lifetimes.ts'
import { createRevocations, type NewRevocation, type Revocations } from './revocations.ts'

let store: Store
let hints: string[]
const clock = new ManualClock()
beforeEach(async () => {
  store = await openStore({ url: ':memory:', clock })
  await store.migrate()
  hints = []
})
afterEach(() => store.close())

const open = (): Revocations =>
  createRevocations({
    store,
    clock,
    hint: async (channel) => {
      hints.push(channel)
    },
  })
const entry = (value: string, expiresIn = 300): NewRevocation => ({
  kind: 'sid',
  value,
  issued_before: null,
  expires_at: seconds(clock.now() + expiresIn),
})

it('knows after loading how far the table goes, also where the last entries have expired', async () => {
  const revocations = open()
  await revocations.write(store, [entry('a'), entry('expired', -1)])
  expect([revocations.lastRead, revocations.set.current]).toEqual([undefined, false])
  await revocations.load()
  expect([revocations.lastRead?.seq, revocations.set.current, revocations.set.size]).toEqual([2, true, 1])
})

it('forgets nothing while the clock is ahead, and misses nothing that others write meanwhile: it may come back', async () => {
  const revocations = open()
  await revocations.load()
  await revocations.announce(await revocations.write(store, [entry('before')]))
  clock.set(3600)
  try {
    await store.revocations.append([entry('meanwhile', -3300), entry('longer')])
    await revocations.follow()
  } finally {
    clock.set(-3600)
  }
  await revocations.follow()
  expect([...revocations.set.entries()].map(({ value }) => value)).toEqual(['before', 'meanwhile', 'longer'])
  clock.advance(300)
  await revocations.follow()
  expect([...revocations.set.entries()].map(({ value }) => value)).toEqual(['longer'])
})

it('is not taken for another time before every token from before it has expired', () => {
  expect(settleTime).toBe(longestAccessTokenLifetime)
})

it('follows a read that is under way by another one, the same for all who ask meanwhile', async () => {
  const revocations = open()
  await revocations.load()
  const first = revocations.follow()
  // Whoever asks now may have heard of a commit that the read under way began before.
  const [second, third] = [revocations.follow(), revocations.follow()]
  expect(second).not.toBe(first)
  expect(third).toBe(second)
  await Promise.all([first, second])
  const [written] = await revocations.write(store, [entry('a')])
  await revocations.follow()
  expect(revocations.lastRead).toEqual(written)
})

it('tells watchers at once what counts, and in the order of the table what was read', async () => {
  const revocations = open()
  await revocations.load()
  const effective: string[] = []
  const read: string[] = []
  revocations.watch({
    onEffective: (entries) => effective.push(...entries.map(({ value }) => value)),
    onRead: (entries) => read.push(...entries.map(({ value }) => value)),
  })
  const [, second] = await revocations.write(store, [entry('first'), entry('second')])
  if (!second) throw new Error('nothing was written')
  const announced = revocations.announce([second])
  expect([effective, read]).toEqual([['second'], []])
  await announced
  // Nobody asks for it: what is announced is read at once.
  await expect.poll(() => read).toEqual(['first', 'second'])
  expect(hints).toEqual(['revocations'])
})

it('reads nothing for a process that has never loaded them, such as a command', async () => {
  const revocations = open()
  await revocations.announce(await revocations.write(store, [entry('a')]))
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect([revocations.lastRead, revocations.set.size, hints.length]).toEqual([undefined, 1, 1])
})

const databases = new TestDatabases()
afterAll(() => databases.stop())

describe.each(['a SQLite file', 'Postgres'] as const)('a table that is another one than was read, on %s', (kind) => {
  let url: string
  let writer: Revocations
  let reader: Revocations
  let readAnew: boolean[]
  let read: string[]

  const follow = (from: Store): Revocations => {
    const revocations = createRevocations({ store: from, clock, hint: async () => {} })
    revocations.watch({
      onRead: (entries) => read.push(...entries.map(({ value }) => value)),
      onReadAnew: (isAnotherDatabase) => readAnew.push(isAnotherDatabase),
    })
    return revocations
  }
  const write = (...values: string[]) =>
    writer.write(
      store,
      values.map((value) => entry(value)),
    )
  const known = (): string[] => [...reader.set.entries()].map(({ value }) => value)

  beforeEach(async () => {
    await store.close()
    url = await databases.newUrl(kind)
    store = (await databases.open(url, clock)).store
    await store.migrate()
    writer = createRevocations({ store, clock, hint: async () => {} })
    readAnew = []
    read = []
    reader = follow(store)
    await write('a', 'b', 'c', 'd')
    await reader.load()
  })

  it('reads what got numbers that were read before', async () => {
    await goBack(url, 2)
    await write('instead of c')
    await reader.follow()
    expect(known()).toContain('instead of c')
    expect([readAnew, reader.lastRead]).toEqual([[true], await store.revocations.last()])
    await write('instead of d', 'e')
    await reader.follow()
    // Once; from then on it goes on as ever, and what had been revoked stays so.
    expect([readAnew.length, read]).toEqual([1, ['instead of d', 'e']])
    expect(known()).toEqual(['a', 'b', 'c', 'd', 'instead of c', 'instead of d', 'e'])
  })

  it('reads what was written by the time that the numbers have passed those that were read', async () => {
    await goBack(url, 2)
    await write('instead of c', 'instead of d', 'e', 'f')
    await reader.follow()
    expect(known()).toEqual(expect.arrayContaining(['instead of c', 'instead of d', 'e', 'f']))
    expect([readAnew, reader.lastRead]).toEqual([[true], await store.revocations.last()])
  })

  it('notices it before anything is written', async () => {
    await goBack(url, 3)
    await reader.follow()
    expect([readAnew, reader.lastRead]).toEqual([[true], await store.revocations.last()])
  })

  it('reads everything also where the first attempt fails', async () => {
    let fails = false
    const revocations: Store['revocations'] = {
      ...store.revocations,
      last: () => (fails ? Promise.reject(new Error('away')) : store.revocations.last()),
    }
    reader = follow({ ...store, revocations })
    await reader.load()
    fails = true
    await goBack(url, 2)
    await write('instead of c', 'instead of d')
    await expect(reader.follow()).rejects.toThrow('away')
    fails = false
    await write('e')
    await reader.follow()
    expect(known()).toEqual(expect.arrayContaining(['instead of c', 'instead of d', 'e']))
    expect(readAnew).toEqual([true])
  })

  it('goes on where the table is the same: with nothing new, with something, and where what was read has expired', async () => {
    await reader.follow()
    await write('e')
    await reader.follow()
    clock.advance(301)
    await write('f')
    await store.removeExpired()
    await reader.follow()
    expect([readAnew, read, known()]).toEqual([[], ['e', 'f'], ['f']])
  })

  it('reads everything, and says nothing, where so much follows an expired entry at once that it is removed', async () => {
    clock.advance(301)
    await write(...Array.from({ length: 120 }, (_, index) => `many-${index}`))
    await store.removeExpired()
    await reader.follow()
    expect([readAnew, known().length, reader.lastRead]).toEqual([[false], 120, await store.revocations.last()])
  })

  it('goes on through many pages, and reads them anew', async () => {
    await write(...Array.from({ length: 11_000 }, (_, index) => `more-${index}`))
    await reader.follow()
    expect([readAnew, read.length, new Set(read).size]).toEqual([[], 11_000, 11_000])
    await goBack(url, 1)
    await write(...Array.from({ length: 11_000 }, (_, index) => `many-${index}`))
    await reader.follow()
    expect([readAnew, reader.set.size, reader.lastRead]).toEqual([[true], 22_004, await store.revocations.last()])
  })
})
