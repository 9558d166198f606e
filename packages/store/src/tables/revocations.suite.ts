import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import type { RevocationRow } from '../rows.ts'
import type { OpenForSuite } from '../testing/databases.ts'
import { start } from '../testing/rows.ts'

const entry = (value: string, overrides: Partial<RevocationRow> = {}): Omit<RevocationRow, 'seq'> => ({
  kind: 'sid',
  value,
  issued_before: null,
  expires_at: seconds(start + 300),
  ...overrides,
})

/** What the table of revocations promises on every database. */
export function describeRevocations(open: OpenForSuite): void {
  it('numbers entries in their order and gives them back from after a number', async () => {
    const { revocations } = open().store
    const before = (await revocations.last())?.seq ?? 0
    const rows = await revocations.append([entry('a'), entry('b', { kind: 'sub', issued_before: start }), entry('c')])
    expect(rows.map((row) => row.value)).toEqual(['a', 'b', 'c'])
    expect(await revocations.from(before + 1, 10)).toEqual(rows)
    expect(await revocations.from(rows[1]?.seq ?? 0, 1)).toEqual([rows[1]])
    expect(await revocations.last()).toEqual(rows[2])
    expect(await revocations.append([])).toEqual([])
  })

  it('takes more entries at once than a statement takes parameters', async () => {
    const { store, second } = open()
    const before = (await store.revocations.last())?.seq ?? 0
    const entries = Array.from({ length: 20_000 }, (_, index) => entry(`many${index}`, { kind: 'gid' }))
    const rows = await store.revocations.append(entries)
    expect(rows.map((row) => row.value)).toEqual(entries.map(({ value }) => value))
    expect(await second.revocations.from(before + 1, 30_000)).toEqual(rows)
  })

  it('leaves out what has expired, but for the one that is asked for', async () => {
    const { revocations } = open().store
    const gone = await revocations.append([
      entry('gone', { expires_at: start }),
      entry('gone too', { expires_at: start }),
    ])
    const [kept] = await revocations.append([entry('kept')])
    expect(await revocations.from(gone[0]?.seq ?? 0, 10)).toEqual([gone[0], kept])
    expect(await revocations.from((kept?.seq ?? 0) + 1, 10)).toEqual([])
  })

  it('never shows a number before a smaller one, while several processes write', async () => {
    const { store, second } = open()
    const before = (await store.revocations.last())?.seq ?? 0
    const write = async (name: string, from: typeof store) => {
      for (let index = 0; index < 20; index += 1) {
        // Every other one in a transaction that stays open for a while after it has drawn its number.
        if (index % 2) await from.revocations.append([entry(`${name}${index}`)])
        else {
          await from.transaction(async (tables) => {
            await tables.revocations.append([entry(`${name}${index}`)])
            await tables.users.count()
          })
        }
      }
    }
    let reading = true
    const seen: number[] = []
    const read = async () => {
      while (reading) {
        const rows = await second.revocations.from((seen.at(-1) ?? before) + 1, 1000)
        seen.push(...rows.map((row) => row.seq))
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
    }
    const reader = read()
    await Promise.all([write('a', store), write('b', second), write('c', store)])
    reading = false
    await reader
    const all = await store.revocations.from(before + 1, 1000)
    const last = await second.revocations.from((seen.at(-1) ?? before) + 1, 1000)
    expect([...seen, ...last.map((row) => row.seq)]).toEqual(all.map((row) => row.seq))
    expect(all).toHaveLength(60)
  })

  it('takes nothing back into the numbers when a transaction fails', async () => {
    const { store } = open()
    const before = (await store.revocations.last())?.seq ?? 0
    const failed = store.transaction(async ({ revocations }) => {
      await revocations.append([entry('never')])
      throw new Error('changed my mind')
    })
    await expect(failed).rejects.toThrow('changed my mind')
    expect(await store.revocations.from(before + 1, 10)).toEqual([])
  })
}
