import { randomToken } from '@gatehouse/core/random'
import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import type { OpenForSuite } from '../testing/databases.ts'
import { start } from '../testing/rows.ts'

/** What the table of kept forms promises on every database. */
export function describeKeptForms(open: OpenForSuite): void {
  const row = () => ({ hash: randomToken(32), sealed: 'é'.repeat(70_000), expires_at: seconds(start + 60) })

  it('gives a form to one of several who ask at once, from two processes', async () => {
    const { store, second } = open()
    const form = row()
    await store.keptForms.insert(form)
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 ? store : second).keptForms.consume(form.hash, start)),
    )
    expect(outcomes.filter((found) => found !== undefined)).toEqual([form])
  })

  it('gives none that has expired', async () => {
    const { store } = open()
    const form = row()
    await store.keptForms.insert(form)
    expect(await store.keptForms.consume(form.hash, form.expires_at)).toBeUndefined()
  })
}
