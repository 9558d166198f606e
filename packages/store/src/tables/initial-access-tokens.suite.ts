import { randomToken } from '@gatehouse/core/random'
import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import type { OpenForSuite } from '../testing/databases.ts'
import { start } from '../testing/rows.ts'

const buildToken = (uses_left: number) => ({
  hash: randomToken(32),
  uses_left,
  created_at: start,
  expires_at: seconds(start + 60),
})

/** What the table of tokens for registration promises on every database. */
export function describeInitialAccessTokens(open: OpenForSuite): void {
  it('lets a token be used as often as it says and no more, from two processes at once', async () => {
    const { store, second } = open()
    const token = buildToken(3)
    await store.initialAccessTokens.insert(token)
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 ? store : second).initialAccessTokens.consume(token.hash, start),
      ),
    )
    expect(outcomes.filter((used) => used)).toHaveLength(3)
    expect(await store.initialAccessTokens.find(token.hash, start)).toBeUndefined()
    expect(await store.initialAccessTokens.consume(token.hash, start)).toBe(false)
  })

  it('refuses a token that has expired, and one that is unknown', async () => {
    const { initialAccessTokens } = open().store
    const token = buildToken(1)
    await initialAccessTokens.insert(token)
    expect(await initialAccessTokens.find(token.hash, start)).toEqual(token)
    expect(await initialAccessTokens.find(token.hash, token.expires_at)).toBeUndefined()
    expect(await initialAccessTokens.consume(token.hash, token.expires_at)).toBe(false)
    expect(await initialAccessTokens.consume(randomToken(32), start)).toBe(false)
    expect(await initialAccessTokens.consume(token.hash, seconds(token.expires_at - 1))).toBe(true)
  })
}
