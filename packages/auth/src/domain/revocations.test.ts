import { ManualClock, seconds } from '@gatehouse/core/time'
import { openStore, type Store } from '@gatehouse/store/store'
import { afterEach, beforeEach, expect, it } from 'vitest'
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
  expect([revocations.lastRead, revocations.set.current]).toEqual([0, false])
  await revocations.load()
  expect([revocations.lastRead, revocations.set.current, revocations.set.size]).toEqual([2, true, 1])
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
  expect(revocations.lastRead).toBe(written?.seq)
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
  expect([revocations.lastRead, revocations.set.size, hints.length]).toEqual([0, 1, 1])
})
