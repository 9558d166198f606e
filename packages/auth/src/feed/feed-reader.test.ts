import { PassThrough } from 'node:stream'
import type { Revocation } from '@gatehouse/core/contracts'
import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import { buildEventId, buildRevokedFrame } from './feed-frames.ts'
import { buildFrames, FeedLog } from './feed-log.ts'
import { FeedReader } from './feed-reader.ts'

const entry = (seq: number): Revocation => ({
  seq,
  kind: 'jti',
  value: `value-${seq}`,
  issued_before: null,
  expires_at: seconds(2_000_000_000),
})

/** A reader of a stream that takes no more than a few bytes at a time, and what tells it of new entries. */
function start(log = new FeedLog(undefined, 1000)) {
  const stream = new PassThrough({ writableHighWaterMark: 100, readableHighWaterMark: 100 })
  // What of an answer is used here is what every stream has.
  const reader = new FeedReader('client', stream as unknown as ConstructorParameters<typeof FeedReader>[1], log)
  const tell = (...seqs: number[]): void => {
    const before = log.last
    const entries = seqs.map(entry)
    log.add(entries)
    reader.tell(before, buildFrames(entries))
  }
  const readAll = async (until: string): Promise<string> => {
    let text = ''
    for await (const chunk of stream) {
      text += String(chunk)
      if (text.includes(until)) break
    }
    return text
  }
  return { stream, reader, tell, readAll }
}

const seqsIn = (text: string): number[] => [...text.matchAll(/value-(\d+)/g)].map(([, seq]) => Number(seq))

it('queues nothing for a reader that does not drain, and tells it everything in order when it does', async () => {
  const { stream, reader, tell, readAll } = start()
  reader.resume(0)
  for (let seq = 1; seq <= 500; seq += 1) tell(seq)
  // What was written before it was found to be stuck, and no more.
  expect(stream.writableLength + stream.readableLength).toBeLessThan(1000)
  const text = await readAll('value-500"')
  expect(seqsIn(text)).toEqual(Array.from({ length: 500 }, (_, index) => index + 1))
})

it('tells nothing new before its snapshot is out, and then what came meanwhile', async () => {
  const { reader, tell, readAll } = start()
  tell(1)
  tell(2)
  reader.startWith({ seq: 1, frames: [buildRevokedFrame([entry(1)])] })
  const text = await readAll('event: current')
  expect(seqsIn(text)).toEqual([1, 2])
  expect([...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => id)).toEqual(Array(2).fill(buildEventId(entry(2))))
})

it('cuts a reader that the log cannot tell everything any more', () => {
  const { stream, reader, tell } = start(new FeedLog(undefined, 2))
  for (let seq = 1; seq <= 10; seq += 1) tell(seq)
  reader.startWith({ seq: 1, frames: [] })
  expect(stream.destroyed).toBe(true)
})

it('writes nothing after the end', () => {
  const { stream, reader, tell } = start()
  reader.resume(0)
  reader.end()
  let failed = false
  stream.on('error', () => {
    failed = true
  })
  tell(1)
  reader.beat(performance.now(), 1000)
  expect([failed, stream.writableEnded]).toEqual([false, true])
})
