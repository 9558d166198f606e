import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
    const writer = new LineWriter(1, false, system)
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
      const writer = new LineWriter(1, false, system)
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
    const writer = new LineWriter(1, false, system)
    writer.write('one\n')
    answer('EAGAIN')
    expect(open).toHaveLength(0)
    for (let count = 0; count < 3; count += 1) {
      await pass(20)
      answer('EAGAIN')
    }
    await pass(30)
    expect(answer()).toBe('one\n')
    expect(writer.dropped).toBe(0)
  })

  it('wait up to sixteen megabytes; what is beyond is dropped', () => {
    const { system, answer } = createSystem()
    const writer = new LineWriter(1, false, system)
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
    const writer = new LineWriter(1, false, system)
    writer.write('under way\n')
    writer.write('waits\n')
    writer.end()
    expect([now, killed]).toEqual([['waits\n'], []])
  })

  it('does not wait for a write that does not come back', async () => {
    const { system, killed } = createSystem()
    const writer = new LineWriter(1, false, system)
    writer.write('stuck\n')
    await writer.drain(450)
    writer.end()
    expect(killed).toEqual(['killed'])
  })
})

describe('a pipe or a file', () => {
  /** A system that takes a line where `takes` says so, and answers with its code else. */
  const createPrompt = (takes: () => string | undefined) => {
    const taken: string[] = []
    const system: LineSystem = {
      ...createSystem().system,
      writeNow: (_fd, bytes) => {
        const code = takes()
        if (code !== undefined) throw Object.assign(new Error(code), { code })
        return taken.push(Buffer.from(bytes).toString()) && bytes.length
      },
    }
    return { writer: new LineWriter(1, true, system), taken }
  }

  it('is written at once, and a line about lost ones once they can be told of', async () => {
    let code: string | undefined = 'ENOSPC'
    const { writer, taken } = createPrompt(() => code)
    writer.onWritable = ({ lines, reason }) => writer.write(`lost ${lines}: ${reason}\n`)
    writer.write('one\n')
    code = undefined
    await pass(1050)
    writer.write('two\n')
    expect(taken).toEqual(['two\n', 'lost 1: ENOSPC\n'])
  })

  it('that takes nothing holds the end of the process for no longer than its patience', () => {
    const { writer, taken } = createPrompt(() => 'EAGAIN')
    writer.write('one\n')
    const began = performance.now()
    writer.giveUp()
    writer.end()
    expect(performance.now() - began).toBeLessThan(450)
    expect(taken).toEqual([])
  })
})

/** What comes first in a module that writes by the standard streams of a process of its own. */
const module = `import { endProcess, standardOutput } from '${new URL('line-writer.ts', import.meta.url)}'
const line = (n) => n + ' ' + 'x'.repeat(1000) + '\\n'
`
const loader = new URL('../../../store/src/testing/register-typescript.mjs', import.meta.url).href
const node = ['--conditions=gatehouse-source', '--import', loader, '--input-type=module', '--eval']
const numbers = (text: string) => text.split('\n').map((line) => Number.parseInt(line, 10))
const upTo = (count: number) => [...Array.from({ length: count }, (_, n) => n), Number.NaN]

describe('a pipe whose reader reads', () => {
  it.each([
    ['a stop', 'await endProcess(0)'],
    ['an exit', 'process.exit(0)'],
  ])('gets two megabytes that are written before %s', (_, end) => {
    const script = `${module}; for (let n = 0; n < 2000; n += 1) standardOutput().write(line(n)); ${end}`
    const shell = '"$0" "$@" | cat'
    const read = execFileSync('sh', ['-c', shell, process.execPath, ...node, script], {
      encoding: 'utf8',
      maxBuffer: 20_000_000,
      env: { ...process.env, NODE_OPTIONS: '' },
      timeout: 20_000,
    })
    expect(numbers(read)).toEqual(upTo(2000))
  })
})

describe('a crash', () => {
  const crash = `${module}; let n = 0
    const put = (count) => { for (; count > 0; count -= 1) standardOutput().write(line(n++)) }
    put(1); setImmediate(() => { put(3); process.kill(process.pid, 'SIGKILL') })`

  it.each(['a pipe', 'a file'])('leaves every line in %s, in order', (where) => {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-lines-'))
    const path = join(folder, 'log')
    const file = openSync(path, 'a')
    const command = where === 'a pipe' ? '"$0" "$@" | cat' : '"$0" "$@"'
    spawnSync('sh', ['-c', command, process.execPath, ...node, crash], {
      stdio: ['ignore', file, 'ignore'],
      env: { ...process.env, NODE_OPTIONS: '' },
      timeout: 20_000,
    })
    closeSync(file)
    const read = readFileSync(path, 'utf8')
    rmSync(folder, { recursive: true })
    expect(numbers(read)).toEqual(upTo(4))
  })
})
