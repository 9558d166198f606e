import { describe, expect, it } from 'vitest'
import { type LineSystem, LineWriter, type LostLines } from './line-writer.ts'

type Done = Parameters<LineSystem['write']>[2]

/** A system whose writes come back when a test says so. */
function createSystem() {
  const open: { readonly text: string; readonly done: Done }[] = []
  const [now, killed]: [string[], string[]] = [[], []]
  const system: LineSystem = {
    write: (_fd, bytes, done) => void open.push({ text: Buffer.from(bytes).toString(), done }),
    writeNow: (_fd, bytes) => now.push(Buffer.from(bytes).toString()) && bytes.length,
    kill: () => killed.push('killed'),
  }
  const answer = (error?: string, written?: number): string => {
    const first = open.shift()
    if (!first) throw new Error('nothing is being written')
    const failure = error === undefined ? null : Object.assign(new Error(error), { code: error })
    first.done(failure, written ?? Buffer.byteLength(first.text))
    return first.text
  }
  return { system, open, now, killed, answer }
}

const pass = (milliseconds: number) => new Promise((done) => setTimeout(done, milliseconds))

describe('lines', () => {
  it('go in order, one write at a time, and those that come meanwhile together', () => {
    const { system, open, answer } = createSystem()
    const writer = new LineWriter(1, system)
    for (const line of ['one\n', 'two\n', 'drei ü\n']) writer.write(line)
    expect(open).toHaveLength(1)
    expect(answer()).toBe('one\n')
    expect(answer(undefined, 3)).toBe('two\ndrei ü\n')
    expect(answer()).toBe('\ndrei ü\n')
    expect([open.length, writer.dropped]).toEqual([0, 0])
  })

  it.each(['ENOSPC', 'EIO', 'EPIPE'])(
    'that meet %s are dropped and counted, and told of once others are written',
    async (code) => {
      const { system, open, answer } = createSystem()
      const writer = new LineWriter(1, system)
      const lost: LostLines[] = []
      writer.onWritable = (what) => lost.push(what)
      writer.write('one\n')
      writer.write('two\n')
      answer(undefined, 2)
      answer(code)
      writer.write('three\n')
      expect([open.length, writer.dropped]).toEqual([0, 3])
      await writer.drain(10_000)
      await pass(1050)
      writer.write('four\n')
      expect(lost).toEqual([])
      // Not in the middle of the line that was cut off.
      expect(answer()).toBe('\nfour\n')
      expect(lost).toEqual([{ lines: 3, reason: code }])
      writer.write('five\n')
      expect(answer()).toBe('five\n')
      expect(lost).toHaveLength(1)
    },
  )

  it('wait for a reader that takes nothing just now', async () => {
    const { system, open, answer } = createSystem()
    const writer = new LineWriter(1, system)
    writer.write('one\n')
    answer('EAGAIN')
    expect(open).toHaveLength(0)
    await pass(150)
    expect(answer()).toBe('one\n')
    expect(writer.dropped).toBe(0)
  })

  it('wait up to sixteen megabytes; what is beyond is dropped', () => {
    const { system, answer } = createSystem()
    const writer = new LineWriter(1, system)
    const lost: LostLines[] = []
    writer.onWritable = (what) => lost.push(what)
    const line = `${'x'.repeat(1_048_575)}\n`
    for (let count = 0; count < 20; count += 1) writer.write(line)
    expect(writer.dropped).toBe(3)
    for (let count = 0; count < 17; count += 1) answer()
    expect(lost).toEqual([{ lines: 3, reason: 'slow' }])
  })
})

describe('the end of the process', () => {
  it('has what waits written', () => {
    const { system, now, killed } = createSystem()
    const writer = new LineWriter(1, system)
    writer.write('under way\n')
    writer.write('waits\n')
    writer.end()
    expect([now, killed]).toEqual([['waits\n'], []])
  })

  it('does not wait for a write that does not come back', async () => {
    const { system, killed } = createSystem()
    const writer = new LineWriter(1, system)
    writer.write('stuck\n')
    await writer.drain(450)
    writer.end()
    expect(killed).toEqual(['killed'])
  })
})
