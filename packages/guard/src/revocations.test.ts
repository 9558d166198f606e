import type { RevocationEntry, RevocationKind, VerifiedToken } from '@gatehouse/core/contracts'
import { seconds } from '@gatehouse/core/time'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRevocationSet } from './revocations.ts'

const entry = (kind: RevocationKind, value: string, rest: Partial<RevocationEntry> = {}): RevocationEntry => ({
  kind,
  value,
  issued_before: null,
  expires_at: seconds(2000),
  ...rest,
})

/** As much of a token as the set looks at. */
const tokenOf = (iat = 1000): Pick<VerifiedToken, 'claims' | 'kid'> => ({
  kid: 'kid-1',
  // The set reads these claims and no others.
  claims: {
    iat,
    jti: 'jti-1',
    sid: 'sid-1',
    gid: 'gid-1',
    client_id: 'client-1',
    sub: 'sub-1',
  } as unknown as VerifiedToken['claims'],
})

describe('a revocation set', () => {
  it('covers what was made from a revoked token, through however many hands', () => {
    const set = createRevocationSet()
    const { kid, claims } = tokenOf()
    const made = { kid, claims: { ...claims, jti: 'jti-3', origins: ['jti-1', 'jti-2'] } }
    set.add([entry('sid', 'jti-2'), entry('jti', 'other')])
    expect(set.isRevoked(made)).toBe(false)
    set.add([entry('jti', 'jti-2')])
    expect(set.isRevoked(made)).toBe(true)
    expect(set.isRevoked({ kid, claims })).toBe(false)
  })

  it.each(['kid', 'jti', 'sid', 'gid', 'client', 'sub'] as const)(
    'finds a token by its %s, and by no other kind',
    (kind) => {
      const set = createRevocationSet()
      expect(set.isRevoked(tokenOf())).toBe(false)
      set.add([entry(kind, 'somebody-else')])
      for (const other of ['kid', 'jti', 'sid', 'gid', 'client', 'sub'] as const) {
        if (other !== kind) set.add([entry(other, `${kind}-1`)])
      }
      expect(set.isRevoked(tokenOf())).toBe(false)
      set.add([entry(kind, `${kind}-1`)])
      expect(set.isRevoked(tokenOf())).toBe(true)
    },
  )

  it('lets a token without session or grant pass', () => {
    const set = createRevocationSet()
    set.add([entry('sid', 'undefined'), entry('gid', 'undefined')])
    const { claims, kid } = tokenOf()
    const { sid: _sid, gid: _gid, ...rest } = claims
    expect(set.isRevoked({ kid, claims: rest })).toBe(false)
  })

  it('counts the second of issued_before in', () => {
    const set = createRevocationSet()
    set.add([entry('sub', 'sub-1', { issued_before: seconds(1000) })])
    expect([999, 1000, 1001].map((iat) => set.isRevoked(tokenOf(iat)))).toEqual([true, true, false])
  })

  it('lets the strictest of several entries count, in whatever order they come', () => {
    const moment = fc.option(fc.integer({ min: 990, max: 1010 }), { nil: null })
    const entries = fc.array(fc.tuple(moment, fc.integer({ min: 1500, max: 3000 })), { minLength: 1, maxLength: 6 })
    const property = fc.property(entries, fc.integer({ min: 985, max: 1015 }), (list, iat) => {
      const set = createRevocationSet()
      for (const [before, expires] of list) {
        const issued_before = before === null ? null : seconds(before)
        set.add([entry('sub', 'sub-1', { issued_before, expires_at: seconds(expires) })])
      }
      expect(set.isRevoked(tokenOf(iat))).toBe(list.some(([before]) => before === null || iat <= before))
      expect(set.size).toBe(1)
      const last = Math.max(...list.map(([, expires]) => expires))
      set.removeExpired(seconds(last - 1))
      expect(set.size).toBe(1)
      set.removeExpired(seconds(last))
      expect(set.size).toBe(0)
      expect(set.isRevoked(tokenOf(iat))).toBe(false)
    })
    fc.assert(property)
  })

  it('tells what it holds, so that another set becomes the same by it', () => {
    const set = createRevocationSet()
    set.add([entry('sub', 'a', { issued_before: seconds(990) }), entry('sub', 'a', { issued_before: seconds(1000) })])
    set.add([entry('sid', 'b'), entry('kid', 'c', { expires_at: seconds(2500) })])
    const told = [...set.entries()]
    expect(told).toHaveLength(3)
    expect(told).toContainEqual({ kind: 'sub', value: 'a', issued_before: 1000, expires_at: 2000 })
    const other = createRevocationSet()
    other.add(told)
    expect([...other.entries()]).toEqual(told)
  })

  it('drops what is over and keeps the rest', () => {
    const set = createRevocationSet()
    set.add([
      entry('jti', 'a', { expires_at: seconds(100) }),
      entry('jti', 'b', { expires_at: seconds(200) }),
      entry('sid', 'c', { expires_at: seconds(300) }),
    ])
    const sizes = [99, 100, 199, 200, 300].map((now) => {
      set.removeExpired(seconds(now))
      return set.size
    })
    expect(sizes).toEqual([3, 2, 2, 1, 0])
  })

  it('knows whether it can be relied on', () => {
    const set = createRevocationSet()
    expect([set.current, set.size]).toEqual([false, 0])
    set.add([entry('jti', 'a'), entry('jti', 'b')])
    set.markCurrent()
    expect([set.current, set.size]).toEqual([true, 2])
    set.markLost()
    expect(set.current).toBe(false)
  })
})
