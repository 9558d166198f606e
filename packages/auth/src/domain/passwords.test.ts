import { afterEach, describe, expect, it, vi } from 'vitest'
import { HashWorkers } from './hash-workers.ts'
import { createPasswords, type Passwords } from './passwords.ts'

const opened: Passwords[] = []
function open(atATime = 1): Passwords {
  const passwords = createPasswords({ atATime, mayWait: 10, parameters: { memory: 19_456, passes: 2, lanes: 1 } })
  opened.push(passwords)
  return passwords
}
afterEach(async () => {
  for (const passwords of opened.splice(0)) await passwords.close()
})

describe('passwords', () => {
  it('are hashed one after the other, in the order in which they came', async () => {
    const passwords = open()
    const ended: number[] = []
    const hash = (index: number) => passwords.hash(`password ${index}`).then(() => ended.push(index))
    const all = Array.from({ length: 5 }, (_, index) => hash(index))
    expect(passwords.depth).toBe(5)
    await Promise.all(all)
    expect(ended).toEqual([0, 1, 2, 3, 4])
    expect(passwords.depth).toBe(0)
  })

  it('of nobody, and such as are of no use, cost what a wrong one costs', async () => {
    const passwords = open()
    const hash = await passwords.hash('right')
    const useless = [null, '', 'no hash', `$2b$31$${'a'.repeat(53)}`]
    const timesOf = new Map<string | null, number[]>([hash, ...useless].map((stored) => [stored, []]))
    // In turn, so that whatever else the machine has to do falls on all of them.
    for (let time = 0; time < 9; time += 1) {
      for (const [stored, times] of timesOf) {
        const startedAt = performance.now()
        expect(await passwords.check('wrong', stored)).toBe('wrong')
        times.push(performance.now() - startedAt)
      }
    }
    const median = (stored: string | null) => timesOf.get(stored)?.sort((one, other) => one - other)[4] ?? 0
    // Without a hash of its own it would be a hundredth of that.
    for (const stored of useless) expect(median(stored), `${stored}`).toBeGreaterThan(median(hash) / 4)
  })

  it('that wait when all ends are refused like the one that is hashed', async () => {
    const passwords = open()
    const outcomes = Promise.allSettled([passwords.hash('one'), passwords.hash('two'), passwords.hash('three')])
    await passwords.close()
    const refused = { reason: { code: 'temporarily_unavailable' } }
    expect(await outcomes).toMatchObject([refused, refused, refused])
    expect(passwords.depth).toBe(0)
  })

  it('leave threads that others use too to them when they end', async () => {
    const workers = new HashWorkers()
    try {
      const [ending, going] = [0, 1].map(() => createPasswords({ atATime: 1, mayWait: 10, workers })) as [
        Passwords,
        Passwords,
      ] // two
      const hash = await ending.hash('right')
      await ending.close()
      expect(await going.check('right', hash)).toBe('right')
      expect(workers.size).toBe(1)
    } finally {
      await workers.close()
    }
  })

  it('that no thread gets are wiped: one too many, and those that wait when all ends', async () => {
    const encode = vi.spyOn(TextEncoder.prototype, 'encode')
    try {
      const passwords = open()
      const outcomes = Promise.allSettled(Array.from({ length: 12 }, (_, index) => passwords.hash(`password ${index}`)))
      await passwords.close()
      expect((await outcomes).every(({ status }) => status === 'rejected')).toBe(true)
      const left = encode.mock.results.map(({ value }) => value as Uint8Array)
      expect(left).toHaveLength(12)
      // The first was handed over, and has no bytes here any more.
      expect(left.map((bytes) => bytes.length > 0)).toEqual([false, ...Array(11).fill(true)])
      for (const bytes of left.slice(1)) expect(bytes.every((byte) => byte === 0)).toBe(true)
    } finally {
      encode.mockRestore()
    }
  })

  it('whose hash cannot be computed fail, and say why', async () => {
    const none = `$argon2id$v=19$m=1,t=1,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`
    await expect(open().check('right', none)).rejects.toMatchObject({
      code: 'server_error',
      cause: { message: expect.stringMatching(/memory/i) },
    })
  })
})
