import { randomToken } from '@gatehouse/core/random'
import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import type { OpenForSuite } from '../testing/databases.ts'
import { start } from '../testing/rows.ts'

const expires_at = seconds(start + 900)

/** What the table of sign-in failures promises on every database. */
export function describeSignInFailures(open: OpenForSuite): void {
  it('counts every failure, whoever counts at the same time and in whichever order', async () => {
    const { store, second } = open()
    const keys = [randomToken(9), randomToken(9), randomToken(9)]
    const failures = keys.map((key) => ({ key, at: start, expires_at }))
    await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        (index % 2 ? store : second).signInFailures.record(index % 2 ? failures : [...failures].reverse()),
      ),
    )
    const rows = await store.signInFailures.record(failures)
    expect(new Map(rows.map((row) => [row.key, row.count]))).toEqual(new Map(keys.map((key) => [key, 41])))
  })

  it('keeps the first moment and the end, moves the last moment, and starts again after the end', async () => {
    const { signInFailures } = open().store
    const key = randomToken(9)
    const record = async (at: number) =>
      (await signInFailures.record([{ key, at: seconds(at), expires_at: seconds(at + 10) }]))[0]
    await record(start)
    expect(await record(start + 9)).toEqual({
      key,
      count: 2,
      first_at: start,
      last_at: start + 9,
      expires_at: start + 10,
    })
    expect(await record(start + 10)).toMatchObject({ count: 1, first_at: start + 10, expires_at: start + 20 })
  })

  it('counts a key once that is named twice in one call', async () => {
    const { signInFailures } = open().store
    const failure = { key: randomToken(9), at: start, expires_at }
    expect(await signInFailures.record([failure, failure])).toMatchObject([{ count: 1 }])
    expect(await signInFailures.record([])).toEqual([])
  })

  it('finds what is not forgotten, and clears', async () => {
    const { signInFailures } = open().store
    const [live, forgotten] = [randomToken(9), randomToken(9)]
    await signInFailures.record([
      { key: live, at: start, expires_at },
      { key: forgotten, at: start, expires_at: start },
    ])
    const found = async () => (await signInFailures.find([live, forgotten, 'unknown'])).map((row) => row.key)
    expect(await found()).toEqual([live])
    await signInFailures.clear([live, 'unknown'])
    expect(await found()).toEqual([])
    await signInFailures.clear([])
    expect(await signInFailures.find([])).toEqual([])
  })

  it('clears what begins with a prefix, and nothing beside it', async () => {
    const { signInFailures } = open().store
    const mine = randomToken(9)
    const pairs = [`${mine}_%|`, `${mine}_%|192.0.2.1`, `${mine}_%|2001:db8::/64`]
    const others = [`${mine}_%`, `${mine}_%{`, `${mine}_%}`, `${mine}xy|192.0.2.1`, `x${mine}_%|192.0.2.1`]
    await signInFailures.record([...pairs, ...others].map((key) => ({ key, at: start, expires_at })))
    const count = async (keys: readonly string[]) =>
      (await Promise.all(keys.map((key) => signInFailures.find([key])))).flat().length
    expect(await signInFailures.clearBeginningWith(`${mine}_%|`)).toBe(3)
    expect([await count(pairs), await count(others)]).toEqual([0, others.length])
    expect(await signInFailures.clearBeginningWith(`${mine}_%|`)).toBe(0)
  })
}
