import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../fixtures/client.ts'
import { type Http2Front, startHttp2Front } from '../fixtures/http2-front.ts'
import {
  encodeFields,
  flags,
  frame,
  frameType,
  get,
  headersFrame,
  openRaw,
  type RawHttp2,
} from '../fixtures/raw-http2.ts'
import { startUpstream, type TestUpstream } from '../fixtures/upstream.ts'

// What one connection can be made to cost (RFC 9113 section 10.5): CVE-2023-44487 rapid reset, CVE-2025-8671 MadeYouReset,
// CVE-2024-27983 CONTINUATION, CVE-2019-9512 to -9518 pings, settings, empty frames, windows that stay shut.

let upstream: TestUpstream
let front: Http2Front
const stops: (() => unknown)[] = []
const large = Buffer.alloc(2_000_000, 'a')

type Options = NonNullable<Parameters<typeof startHttp2Front>[1]>
async function start(options: Options = {}): Promise<RawHttp2> {
  front = await startHttp2Front(
    [{ name: 's', audience: 's', upstream: [upstream.origin], routes: [{ path: '/**', require: 'nothing' }] }],
    options,
  )
  stops.push(() => front.stop())
  return connect()
}
async function connect(options?: Parameters<typeof openRaw>[1]): Promise<RawHttp2> {
  const raw = await openRaw(front.port, options)
  stops.push(() => raw.socket.destroy())
  return raw
}
beforeEach(async () => {
  upstream = await startUpstream((request, response) => {
    if (request.url === '/slow') return
    response.end(request.url === '/large' ? large : 'ok')
  })
  stops.push(() => upstream.stop())
})
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

const enhanceYourCalm = 11
const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
const long = (name: string): [string, string] => [name, 'a'.repeat(7000)]
const longList = (stream: number): Buffer[] => [
  headersFrame(stream, [...get(), long('x-a'), long('x-b')], flags.endStream),
  frame(frameType.continuation, flags.endHeaders, stream, encodeFields([long('x-c')])),
]
/** A literal that is remembered, and then named by one byte, a hundred times (RFC 7541 sections 6.1 and 6.2.1). */
const hpackBomb = ((): Buffer => {
  const literal = encodeFields([['x-a', 'a'.repeat(3000)]])
  literal[0] = 0x40
  return Buffer.concat([encodeFields(get()), literal, Buffer.alloc(100, 0xbe)])
})()
const streams = (count: number, make: (stream: number) => readonly Buffer[]): Buffer[] =>
  Array.from({ length: count }, (_, index) => make(index * 2 + 1)).flat()

/**
 * Lets what is on its way within this process arrive, there and back: bytes that come after a connection was closed take away what
 * it says last.
 */
async function arrive(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate)
}

describe('a connection is closed', () => {
  it('on which streams are opened and reset in the same bytes', async () => {
    const raw = await start()
    raw.write(...streams(600, (id) => [headersFrame(id, get('/slow')), frame(frameType.reset, 0, id, number(8))]))
    await until(() => raw.isClosed)
    expect(raw.goawayCode()).toBe(enhanceYourCalm)
    expect(front.decisions.length).toBeLessThan(220)
    expect(front.log).toMatchObject([{ code: 'too_many_requests', reason: expect.stringContaining('reset') }])
  })

  it('on which streams are reset once they are under way', async () => {
    const raw = await start({ limits: { resets: { burst: 20, perSecond: 1 } } })
    for (let id = 1; id < 200 && !raw.isClosed; id += 2) {
      raw.write(headersFrame(id, get('/slow')))
      await new Promise((resolve) => setTimeout(resolve, 4))
      raw.write(frame(frameType.reset, 0, id, number(8)))
      await arrive()
    }
    await until(() => raw.isClosed)
    expect(raw.goawayCode()).toBe(enhanceYourCalm)
    expect(upstream.received.length).toBeLessThan(40)
  })

  it('not where they have waited before they were reset, as those with a deadline do', async () => {
    const raw = await start({ limits: { resets: { burst: 20, perSecond: 1 }, soon: 30 } })
    for (let first = 1; first < 400; first += 100) {
      const ids = Array.from({ length: 50 }, (_, index) => first + index * 2)
      const before = upstream.received.length
      raw.write(...ids.map((id) => headersFrame(id, get('/slow'))))
      await until(() => upstream.received.length === before + ids.length)
      await new Promise((resolve) => setTimeout(resolve, 60))
      raw.write(...ids.map((id) => frame(frameType.reset, 0, id, number(8))))
    }
    raw.write(headersFrame(401, get('/quick')))
    await until(() => front.decisions.length > 200)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(raw.isClosed).toBe(false)
  })

  it('on which the gateway is made to reset streams', async () => {
    const raw = await start({ limits: { resets: { burst: 20, perSecond: 1 } } })
    const body = (id: number, text: string) => frame(frameType.data, 0, id, Buffer.from(text))
    const post = [[':method', 'POST'], ...get('/slow').slice(1), ['content-length', '4']] as [string, string][]
    for (let id = 1; id < 200 && !raw.isClosed; id += 2) {
      raw.write(headersFrame(id, post, flags.endHeaders), body(id, 'ab'))
      await new Promise((resolve) => setTimeout(resolve, 4))
      raw.write(body(id, 'longer than announced'))
      // Bytes that are still on their way when it is closed would take away what it says last.
      await until(() => raw.resetCode(id) !== undefined || raw.isClosed)
    }
    await until(() => raw.isClosed)
    expect(raw.goawayCode()).toBe(enhanceYourCalm)
  })

  it.each([
    ['PING', () => frame(frameType.ping, 0, 0, Buffer.alloc(8))],
    ['SETTINGS', () => frame(frameType.settings, 0, 0, Buffer.alloc(0))],
  ])('by a flood of %s', async (_name, make) => {
    const raw = await start()
    raw.write(...Array.from({ length: 400 }, make))
    await until(() => raw.isClosed)
    expect(raw.goawayCode()).toBe(enhanceYourCalm)
  })

  it('by a flood of empty DATA', async () => {
    const raw = await start()
    raw.write(headersFrame(1, [[':method', 'POST'], ...get('/slow').slice(1)], flags.endHeaders))
    raw.write(...Array.from({ length: 1000 }, () => frame(frameType.data, 0, 1)))
    await until(() => raw.isClosed)
  })

  it('by header lists that are no requests, again and again', async () => {
    const raw = await start()
    raw.write(...streams(1000, (id) => [headersFrame(id, [...get(), ['Upper', '1']])]))
    await until(() => raw.isClosed)
    expect(upstream.received).toEqual([])
  })

  it('by a header block that goes on and on', async () => {
    const raw = await start({ limits: { tick: 20, linger: 100 } })
    // Its acknowledgement of SETTINGS would be in the middle of the block.
    await until(() => raw.frames.length > 0)
    const part = encodeFields([['x-a', 'a'.repeat(500)]])
    raw.write(headersFrame(1, get(), 0))
    for (let count = 0; count < 1000 && !raw.isClosed; count += 1) {
      raw.write(frame(frameType.continuation, 0, 1, part))
      if (count % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    }
    await until(() => raw.isClosed)
    expect(upstream.received).toEqual([])
  })

  it('whose frames are out of order, once nothing is under way', async () => {
    const raw = await start({ limits: { firstStream: 150, tick: 20 } })
    await until(() => raw.frames.length > 0)
    raw.write(headersFrame(1, get(), 0), frame(frameType.ping, 0, 0, Buffer.alloc(8)), headersFrame(3, get()))
    await until(() => raw.goawayCode() === 1)
    // Node reads nothing of it any more, and leaves it open.
    await until(() => raw.isClosed)
    expect(upstream.received).toEqual([])
  })

  it('also where its client does not take its last frames, or keeps its side open', async () => {
    await start({ limits: { firstStream: 50, tick: 20, linger: 100 } })
    const open = await connect({ allowHalfOpen: true })
    await until(() => open.goawayCode() === 0)
    expect(await front.countConnections()).toBeGreaterThan(0)
    await until(() => open.socket.readableEnded)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect([open.socket.writable, await front.countConnections()]).toEqual([true, 0])
  })

  it('that goes on opening streams above their number', async () => {
    const raw = await start()
    raw.write(...streams(500, (id) => [headersFrame(id, get('/slow'))]))
    await until(() => raw.isClosed)
    expect(upstream.received.length).toBeLessThanOrEqual(100)
  })

  it('on which no stream is opened, also where the first one only drips in', async () => {
    const raw = await start({ limits: { firstStream: 150, tick: 20 } })
    const dripping = await connect()
    const head = headersFrame(1, get())
    let sent = 0
    const drip = setInterval(() => {
      dripping.write(head.subarray(sent, sent + 1))
      sent += 1
    }, 20)
    await until(() => raw.isClosed && dripping.isClosed)
    clearInterval(drip)
    expect([raw.goawayCode(), dripping.goawayCode()]).toEqual([0, 0])
  })

  it('on which nothing has been asked for a while, and no sooner', async () => {
    const raw = await start({ limits: { idle: 200, tick: 20 } })
    const pinging = await connect()
    for (const one of [raw, pinging]) one.write(headersFrame(1, get()))
    const timer = setInterval(() => pinging.write(frame(frameType.ping, 0, 0, Buffer.alloc(8))), 30)
    await until(() => raw.status(1) === 200 && pinging.status(1) === 200)
    await new Promise((resolve) => setTimeout(resolve, 100))
    raw.write(headersFrame(3, get('/slow')))
    await until(() => pinging.isClosed)
    clearInterval(timer)
    // One that has something to wait for is kept.
    await new Promise((resolve) => setTimeout(resolve, 250))
    expect([raw.isClosed, raw.goawayCode(), pinging.goawayCode()]).toEqual([false, undefined, 0])
  })
})

describe('a stream is reset', () => {
  it('whose headers are more than 16 KiB, also where HPACK makes them small', async () => {
    const raw = await start()
    await until(() => raw.frames.some((one) => one.type === frameType.settings && one.flags === 1))
    raw.write(...longList(1), frame(frameType.headers, flags.endStream | flags.endHeaders, 3, hpackBomb))
    await until(() => raw.resetCode(1) !== undefined && raw.resetCode(3) !== undefined)
    expect([raw.resetCode(1), raw.resetCode(3)]).toEqual([enhanceYourCalm, enhanceYourCalm])
    expect(upstream.received).toEqual([])
  })

  it('or refused, where its client has never acknowledged that limit', async () => {
    await start()
    const raw = await connect({ acknowledges: false })
    raw.write(...longList(1), frame(frameType.headers, flags.endStream | flags.endHeaders, 3, hpackBomb))
    await until(() => raw.status(1) !== 0 && raw.status(3) !== 0)
    expect(front.log).toMatchObject([{ status: 431 }, { status: 431 }])
    expect(upstream.received).toEqual([])
  })

  it('that has more than so many headers, and one with a hundred and more is 431', async () => {
    const raw = await start()
    const many = (count: number): [string, string][] => Array.from({ length: count }, (_, index) => [`x-${index}`, ''])
    raw.write(headersFrame(1, [...get(), ...many(300)]), headersFrame(3, [...get(), ...many(120)]))
    await until(() => raw.resetCode(1) !== undefined && raw.status(3) !== 0)
    expect(front.log).toMatchObject([{ code: 'headers_too_large' }])
    expect(upstream.received).toEqual([])
  })

  it('whose client does not take its answer', async () => {
    const raw = await start({ tuning: { tick: 20, stallTicks: 5 } })
    raw.write(headersFrame(1, get('/large')))
    await until(() => raw.resetCode(1) !== undefined)
    expect(raw.status(1)).toBe(200)
    await until(() => front.answers.length === 1)
  })

  it('whose client leaves alone what is left of an answer that is over', async () => {
    await start({ limits: { unread: 150 } })
    // A window of nothing (SETTINGS_INITIAL_WINDOW_SIZE).
    const raw = await connect({ settings: Buffer.from([0, 4, 0, 0, 0, 0]) })
    raw.write(headersFrame(1, get()))
    await until(() => raw.resetCode(1) !== undefined)
    await until(() => front.answers.length === 1)
  })
})
