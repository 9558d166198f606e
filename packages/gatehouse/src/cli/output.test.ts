import { afterEach, describe, expect, it, vi } from 'vitest'
import { answer, answerList, readPages, tabulate } from './output.ts'

afterEach(() => vi.restoreAllMocks())

interface Row {
  readonly number: number
  readonly name: string
}

const shape = {
  columns: { number: ({ number }: Row) => String(number), name: ({ name }: Row) => name },
  tell: ({ number, name }: Row) => ({ number, names: [name] }),
}

/** What is printed of so many rows, and the most of them that lay between what was read and what was printed. */
async function list(count: number, options: { readonly json?: boolean } = {}) {
  const printed: string[] = []
  let [read, lines, most] = [0, 0, 0]
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed.push(String(text))
    lines += String(text).split('\n').length - 1
    return true
  })
  const pages = readPages<Row>(async (last, limit) => {
    const from = last ? last.number + 1 : 0
    const page = Array.from({ length: Math.min(limit, count - from) }, (_, index) => ({
      number: from + index,
      name: `n${from + index}`,
    }))
    read += page.length
    most = Math.max(most, read - Math.max(0, lines - 1))
    return page
  })
  await answerList(options, pages, shape)
  vi.restoreAllMocks()
  return { text: printed.join(''), most, writes: printed.length }
}

/** A User-Agent that paints the terminal and turns its text around. */
const nasty = 'curl\u009b31m \u202eresworB'

describe('what strangers have sent', () => {
  const printed = (): string => vi.mocked(process.stdout.write).mock.calls.join('')

  it.each([
    ['an answer', () => answer({ json: true }, { agent: nasty }, '')],
    ['a list', () => answerList({ json: true }, [[{ number: 1, name: nasty }]], shape)],
  ])('is escaped in the JSON of %s', async (_, print) => {
    vi.spyOn(process.stdout, 'write').mockReturnValue(true)
    await print()
    expect(printed()).toContain(String.raw`"curl\u009b31m \u202eresworB"`)
  })
})

describe('a list', () => {
  it('is a table', async () => {
    expect((await list(0)).text).toBe('NUMBER  NAME\n')
    expect((await list(2)).text).toBe('NUMBER  NAME\n0       n0\n1       n1\n')
  })

  it('moves no cursor by what strangers say of themselves, and keeps it as it is in JSON', async () => {
    const name = 'a\u009b2J\u001b[1Ab\r\nc\u202ed'
    const named = async (json: boolean): Promise<string> => {
      const printed = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
      await answerList({ json }, [[{ number: 1, name }]], shape)
      return printed.mock.calls.map(([text]) => String(text)).join('')
    }
    expect(await named(false)).toBe('NUMBER  NAME\n1       a 2J [1Ab c d\n')
    vi.restoreAllMocks()
    expect(JSON.parse(await named(true))).toEqual([{ number: 1, names: [name] }])
  })

  it.each([0, 1, 2, 1000, 1001, 2000])('is one piece of JSON, of %s rows', async (count) => {
    const rows = Array.from({ length: count }, (_, number) => ({ number, names: [`n${number}`] }))
    expect((await list(count, { json: true })).text).toBe(`${JSON.stringify(rows, null, 2)}\n`)
  })

  it('can be of any length, and is printed page by page', async () => {
    const { text, most, writes } = await list(200_000)
    expect(text.split('\n')).toHaveLength(200_002)
    expect(text.endsWith('199999  n199999\n')).toBe(true)
    expect([most, writes]).toEqual([1000, 201])
  })
})

it('what is told of one thing moves no cursor either', () => {
  expect(
    tabulate([
      ['asked', 'GET a\u009b2Jb'],
      ['by', 'nobody'],
    ]),
  ).toBe('asked:   GET a 2Jb\nby:      nobody')
})
