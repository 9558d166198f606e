import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AttemptGate, type Room } from './attempt-gate.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const carol: Room = { key: 'carol', room: 1 }
const dave: Room = { key: 'dave', room: 1 }
const unavailable = { code: 'temporarily_unavailable' }

describe('tries that wait for each other', () => {
  it('are woken one by one, in the order in which they came', async () => {
    const gate = new AttemptGate(10)
    expect(gate.enter([carol])).toBeUndefined()
    expect(gate.enter([carol])).toBe(carol)
    const woken: string[] = []
    const first = gate.waitFor(carol, performance.now()).then(() => woken.push('first'))
    const second = gate.waitFor(carol, performance.now()).then(() => woken.push('second'))
    gate.leave(['carol'])
    await first
    expect(woken).toEqual(['first'])
    gate.wake('carol')
    await second
    expect(woken).toEqual(['first', 'second'])
  })

  it('go on at once where the last has left between the look and the wait', async () => {
    const gate = new AttemptGate(10)
    gate.enter([carol])
    const full = gate.enter([carol])
    gate.leave(['carol'])
    await expect(full && gate.waitFor(full, performance.now())).resolves.toBeUndefined()
    expect(gate.enter([carol])).toBeUndefined()
  })

  it('are refused after five seconds since they came, and wake nobody in vain later', async () => {
    const gate = new AttemptGate(10)
    gate.enter([carol])
    const since = performance.now()
    vi.advanceTimersByTime(4500)
    const early = expect(gate.waitFor(carol, since)).rejects.toMatchObject(unavailable)
    const late = gate.waitFor(carol, performance.now())
    vi.advanceTimersByTime(500)
    await early
    await expect(gate.waitFor(carol, since)).rejects.toMatchObject(unavailable)
    gate.leave(['carol'])
    await late
  })

  it('are refused at once past the bound for all', async () => {
    const gate = new AttemptGate(1)
    gate.enter([carol, dave])
    const first = gate.waitFor(carol, performance.now())
    await expect(gate.waitFor(dave, performance.now())).rejects.toMatchObject(unavailable)
    gate.wake('carol')
    await first
    const next = gate.waitFor(dave, performance.now())
    gate.wake('dave')
    await next
  })
})
