import { ManualClock, seconds } from '@gatehouse/core/time'
import { openStore, type Store } from '@gatehouse/store/store'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openKeyRings } from '../domain/key-rings.ts'
import { defaultBrand } from '../pages/brand.ts'
import { buildLook } from '../pages/look.ts'
import { DeliveryError, type MailSender, type OutgoingMail } from './delivery.ts'
import { writeCode } from './letters.ts'
import { createOutbox, type MailResult, type Outbox, type OutboxOptions, type QueuedMail } from './outbox.ts'

let store: Store
let clock: ManualClock
let results: MailResult[]
let arrived: OutgoingMail[]
/** What the other side does with the next mails. */
let answer: (mail: OutgoingMail) => Promise<void>

beforeEach(async () => {
  clock = new ManualClock()
  store = await openStore({ url: ':memory:', clock })
  await store.migrate()
  results = []
  arrived = []
  answer = async () => {}
})
afterEach(() => store.close())

const sender: MailSender = {
  async send(mail) {
    await answer(mail)
    arrived.push(mail)
  },
  close() {},
}

async function open(options: Partial<OutboxOptions> = {}): Promise<Outbox> {
  const rings = await openKeyRings({ store, clock }, { key: Buffer.alloc(32, 7) })
  return createOutbox(
    { store, clock, ring: rings.mail },
    {
      senders: { mail: sender },
      channelOf: () => 'mail',
      keepsDelivered: false,
      most: 100,
      perRecipient: 3,
      onQueued: () => {},
      onResult: (result) => results.push(result),
      onFailure: () => {},
      ...options,
    },
  )
}

const content = writeCode(buildLook('en', defaultBrand), { code: '12345678', goodFor: 600 })
const mail = (given: Partial<QueuedMail> = {}): QueuedMail => ({
  ...{ kind: 'sign_in_code', to: 'alice@example.com', countedAs: 'alice@example.com', userId: undefined, content },
  ...given,
})
const queue = (outbox: Outbox, given: Partial<QueuedMail> = {}): Promise<boolean> =>
  store.transaction((tables) => outbox.queue(tables, mail(given)))
const givenUp = async (): Promise<readonly string[]> =>
  (await store.audit.list({ limit: 10 })).filter(({ type }) => type === 'mail_given_up').map(({ result }) => result)
const fail =
  (isFinal = false) =>
  async (): Promise<void> => {
    throw new DeliveryError('not now', { isFinal })
  }

describe('a mail', () => {
  it('arrives once, and nothing is kept of it', async () => {
    const outbox = await open()
    await queue(outbox)
    expect(await outbox.deliver()).toBe(1)
    expect(await outbox.deliver()).toBe(0)
    expect(arrived).toMatchObject([{ to: 'alice@example.com', kind: 'sign_in_code', code: '12345678' }])
    expect(await store.mails.listNewest(10)).toEqual([])
    expect(results).toEqual(['queued', 'delivered'])
  })

  it('is not there where the transaction of what it tells of fails', async () => {
    const outbox = await open()
    const failing = store.transaction(async (tables) => {
      await outbox.queue(tables, mail())
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    expect(await outbox.deliver()).toBe(0)
  })

  it('lies in the database with nothing that can be read: neither to whom it goes nor its code', async () => {
    const outbox = await open()
    await queue(outbox)
    const kept = JSON.stringify([await store.mails.listNewest(10), await store.signInFailures.find([])])
    expect(kept).not.toMatch(/alice|12345678/)
    const [row] = await store.mails.listNewest(1)
    expect(row?.sealed).toMatch(/^[\w-]+\.[\w-]+$/)
  })

  it('opens for its own row alone', async () => {
    const outbox = await open()
    await queue(outbox)
    await queue(outbox)
    const [one, other] = await store.mails.listNewest(2)
    if (!one || !other) throw new Error('two were queued')
    await store.mails.delete(one.id)
    await store.mails.insert({ ...one, sealed: other.sealed }, 100)
    await outbox.deliver()
    expect(arrived.map(({ id }) => id)).toEqual([other.id])
    expect(await givenUp()).toEqual(['unreadable'])
  })

  it('is tried again later each time, and arrives once the other side is back', async () => {
    const outbox = await open()
    await queue(outbox)
    answer = fail()
    const attempts = () => results.filter((result) => result === 'delayed').length
    await outbox.deliver()
    expect(attempts()).toBe(1)
    for (const [index, pause] of [10, 60, 300, 1800, 1800].entries()) {
      clock.advance(pause - 1)
      await outbox.deliver()
      expect(attempts(), `a second too early after ${pause}`).toBe(index + 1)
      clock.advance(1)
      await outbox.deliver()
      expect(attempts()).toBe(index + 2)
    }
    answer = async () => {}
    clock.advance(1800)
    expect(await outbox.deliver()).toBe(1)
    expect(await givenUp()).toEqual([])
  })

  it('is given up after a day, which is audited with what it was and to whom no word', async () => {
    const outbox = await open()
    await queue(outbox)
    answer = fail()
    for (let hour = 0; hour < 25; hour += 1) {
      await outbox.deliver()
      clock.advance(3600)
    }
    await outbox.deliver()
    expect(results.at(-1)).toBe('given_up')
    expect(await store.mails.listNewest(10)).toEqual([])
    const [event] = await store.audit.list({ limit: 1 })
    expect(event).toMatchObject({ type: 'mail_given_up' })
    expect(JSON.stringify(event)).not.toContain('alice')
  })

  it('is tried more often where its link lasts for minutes, and given up with it', async () => {
    const outbox = await open()
    await queue(outbox, { goodFor: seconds(900) })
    answer = fail()
    let attempts = 0
    answer = async () => {
      attempts += 1
      throw new DeliveryError('not now', { isFinal: false })
    }
    for (let second = 0; second < 900; second += 5) {
      await outbox.deliver()
      clock.advance(5)
    }
    expect(attempts).toBeGreaterThanOrEqual(6)
    expect(await givenUp()).toEqual(['undeliverable'])
  })

  it('is given up at once where the other side will never have it', async () => {
    const outbox = await open()
    await queue(outbox)
    answer = fail(true)
    await outbox.deliver()
    expect(await givenUp()).toEqual(['refused'])
    expect(await store.mails.listNewest(10)).toEqual([])
  })

  it('that has waited too long is given up unsent, whoever was away', async () => {
    const outbox = await open()
    await queue(outbox, { goodFor: seconds(900) })
    clock.advance(901)
    await store.removeExpired()
    await outbox.deliver()
    expect(arrived).toEqual([])
    expect(await givenUp()).toEqual(['expired'])
  })

  it('to nobody costs the same and goes nowhere', async () => {
    const outbox = await open()
    expect(await queue(outbox, { to: undefined, countedAs: ' nobody' })).toBe(true)
    expect(await outbox.deliver()).toBe(0)
    expect(arrived).toEqual([])
    expect(await store.mails.listNewest(10)).toEqual([])
  })

  it('is refused with a line break in a header', async () => {
    const outbox = await open()
    const subject = 'Hello\r\nBcc: eve@example.com'
    await expect(queue(outbox, { content: { ...content, subject } })).rejects.toThrow('Something went wrong')
    await expect(queue(outbox, { to: 'a@b.example\nBcc: eve@example.com' })).rejects.toThrow('Something went wrong')
  })
})

describe('what there may be of mails', () => {
  it('is so many of one kind to one address in ten minutes; the rest is dropped and counted', async () => {
    const outbox = await open()
    const outcomes: boolean[] = []
    for (let index = 0; index < 5; index += 1) outcomes.push(await queue(outbox))
    expect(outcomes).toEqual([true, true, true, false, false])
    expect(results.filter((result) => result === 'too_many')).toHaveLength(2)
    expect(await queue(outbox, { kind: 'recovery' })).toBe(true)
    expect(await queue(outbox, { to: 'bob@example.com', countedAs: 'bob@example.com' })).toBe(true)
    clock.advance(600)
    expect(await queue(outbox)).toBe(true)
  })

  it('counts one that was asked for at the same moment', async () => {
    const outbox = await open()
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => queue(outbox)))
    expect(outcomes.filter((queued) => queued)).toHaveLength(3)
  })

  it('is so many in all', async () => {
    const outbox = await open({ most: 2, perRecipient: 100 })
    expect([await queue(outbox), await queue(outbox), await queue(outbox)]).toEqual([true, true, false])
    expect(results).toEqual(['queued', 'queued', 'full'])
    await outbox.deliver()
    expect(await queue(outbox)).toBe(true)
  })

  it('is nothing where there is no way to send any', async () => {
    const outbox = await open({ channelOf: () => undefined })
    expect(await queue(outbox)).toBe(false)
    expect(await store.mails.listNewest(10)).toEqual([])
  })
})

describe('a run of deliveries', () => {
  it('sends no more than ten at a time, over all runs together', async () => {
    const outbox = await open({ perRecipient: 100 })
    for (let index = 0; index < 25; index += 1) await queue(outbox)
    let running = 0
    let most = 0
    answer = async () => {
      running += 1
      most = Math.max(most, running)
      await new Promise((resolve) => setTimeout(resolve, 2))
      running -= 1
    }
    await Promise.all([outbox.deliver(), outbox.deliver(), outbox.deliver()])
    await outbox.deliver()
    expect(arrived).toHaveLength(25)
    expect(most).toBeLessThanOrEqual(10)
  })

  it('keeps nothing from the webhook where a mail server hangs', async () => {
    let release = (): void => {}
    const hung = new Promise<void>((resolve) => (release = resolve))
    const senders = { mail: { ...sender, send: () => hung }, webhook: sender }
    const outbox = await open({ senders, channelOf: (kind) => (kind === 'recovery' ? 'mail' : 'webhook') })
    for (let index = 0; index < 20; index += 1) await queue(outbox, { kind: 'recovery', countedAs: `${index}` })
    await queue(outbox)
    const hanging = outbox.deliver()
    await expect.poll(() => arrived.map(({ kind }) => kind)).toEqual(['sign_in_code'])
    await Promise.all([hanging, release()])
  })

  it('keeps the others from nothing where one hangs', async () => {
    const outbox = await open({ perRecipient: 100 })
    await queue(outbox)
    let release = (): void => {}
    answer = () => new Promise((resolve) => (release = resolve))
    const hanging = outbox.deliver()
    await new Promise((resolve) => setTimeout(resolve, 20))
    answer = async () => {}
    await queue(outbox)
    expect(await outbox.deliver()).toBe(1)
    release()
    expect(await hanging).toBe(1)
  })

  it('ends when the outbox is closed, and leaves the rest to whoever comes next', async () => {
    const outbox = await open()
    await queue(outbox)
    outbox.close()
    expect(await outbox.deliver()).toBe(0)
    expect(await (await open()).deliver()).toBe(1)
  })
})

describe('development mode', () => {
  it('keeps what has arrived for its inbox until it expires', async () => {
    const outbox = await open({ keepsDelivered: true })
    await queue(outbox)
    await outbox.deliver()
    await outbox.deliver()
    expect(arrived).toHaveLength(1)
    expect(await outbox.listNewest(10)).toMatchObject([{ to: 'alice@example.com', code: '12345678' }])
    clock.advance(86_401)
    await store.removeExpired()
    expect(await outbox.listNewest(10)).toEqual([])
  })
})
