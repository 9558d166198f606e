import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AttemptGate } from './attempt-gate.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const unavailable = { code: 'temporarily_unavailable' }

describe('tries that wait for each other', () => {
  it('are woken one by one, in the order in which they came', async () => {
    const gate = new AttemptGate(10)
    const room = [{ key: 'carol', room: 1 }]
    expect(gate.enter(room)).toBeUndefined()
    expect(gate.enter(room)).toBe('carol')
    const woken: string[] = []
    const first = gate.waitFor('carol', performance.now()).then(() => woken.push('first'))
    const second = gate.waitFor('carol', performance.now()).then(() => woken.push('second'))
    gate.leave(['carol'])
    await first
    expect(woken).toEqual(['first'])
    gate.wake('carol')
    await second
    expect(woken).toEqual(['first', 'second'])
  })

  it('are refused after two seconds since they came, and wake nobody in vain later', async () => {
    const gate = new AttemptGate(10)
    gate.enter([{ key: 'carol', room: 1 }])
    const since = performance.now()
    vi.advanceTimersByTime(1500)
    const early = expect(gate.waitFor('carol', since)).rejects.toMatchObject(unavailable)
    const late = gate.waitFor('carol', performance.now())
    vi.advanceTimersByTime(500)
    await early
    await expect(gate.waitFor('carol', since)).rejects.toMatchObject(unavailable)
    gate.leave(['carol'])
    await late
  })

  it('are refused at once past a hundred at the same, however many wait for others', async () => {
    const gate = new AttemptGate(500)
    const waiting = Array.from({ length: 100 }, () => gate.waitFor('carol', performance.now()))
    await expect(gate.waitFor('carol', performance.now())).rejects.toMatchObject(unavailable)
    const other = gate.waitFor('dave', performance.now())
    for (let count = 0; count < 100; count += 1) gate.wake('carol')
    gate.wake('dave')
    await Promise.all([...waiting, other])
  })

  it('are refused at once past the bound for all', async () => {
    const gate = new AttemptGate(1)
    const first = gate.waitFor('carol', performance.now())
    await expect(gate.waitFor('dave', performance.now())).rejects.toMatchObject(unavailable)
    gate.wake('carol')
    await first
    const next = gate.waitFor('dave', performance.now())
    gate.wake('dave')
    await next
  })
})
