import { formatMoment as formatTime, seconds } from '@gatehouse/core/time'
import { escapeUnseen } from '../escape-unseen.ts'

/** Text from elsewhere, on one line. Threat: what strangers say of themselves must not move the cursor of who looks at it. */
export const plain = (text: string): string => text.replace(/\p{C}+/gu, ' ')

/** One line for each name and what is told of it, which may come from elsewhere. */
export const tabulate = (lines: readonly (readonly [name: string, value: string])[]): string =>
  lines.map(([name, value]) => `${`${name}:`.padEnd(9)}${plain(value)}`).join('\n')

/** Answers a command: as JSON where that was asked for, else as text. */
export function answer(options: { readonly json?: boolean }, value: unknown, text: string): void {
  print(`${options.json ? formatJson(value) : text}\n`)
}

/** As scripts and people read it: with what strangers have sent, which must not move the cursor here either. */
const formatJson = (value: unknown): string => escapeUnseen(JSON.stringify(value, null, 2))

/** Writes what a command has to say. Whoever reads may have had enough (`| head`): then it ends, and that is no fault. */
export function print(text: string): void {
  if (process.stdout.listenerCount('error') === 0) process.stdout.on('error', endUnread)
  process.stdout.write(text)
}

function endUnread(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
  process.exit()
}

/** Answers a command that has something to warn of: as a member `warnings` of the JSON, else on standard error. */
export function answerWarning(
  options: { readonly json?: boolean },
  value: Readonly<Record<string, unknown>>,
  text: string,
  warnings: readonly string[],
): void {
  answer(options, warnings.length === 0 ? value : { ...value, warnings }, text)
  if (!options.json) for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`)
}

/** Rows of one page of a list. */
const pageLength = 1000

/** How the rows of a list are shown. */
export interface ListShape<Row> {
  /** The columns of the table, by their headings. */
  readonly columns: Readonly<Record<string, (row: Row) => string>>
  /** A row as JSON. */
  readonly tell: (row: Row) => unknown
}

/** The pages of a list that is read from after its last row on, each only once the one before has been used. */
export async function* readPages<Row>(
  read: (last: Row | undefined, limit: number) => Promise<readonly Row[]>,
): AsyncGenerator<readonly Row[]> {
  let last: Row | undefined
  do {
    const page = await read(last, pageLength)
    yield page
    last = page.length < pageLength ? undefined : page.at(-1)
  } while (last !== undefined)
}

/**
 * Answers a command with a list: as JSON where that was asked for, else as a table. Cost: what one page holds, however long the
 * list is; so the columns are as wide as what has been shown so far needs.
 */
export async function answerList<Row>(
  { json }: { readonly json?: boolean },
  pages: AsyncIterable<readonly Row[]> | Iterable<readonly Row[]>,
  { columns, tell }: ListShape<Row>,
): Promise<void> {
  const table = new Table(Object.keys(columns))
  const cellsOf = Object.values(columns)
  let isFirst = true
  for await (const page of pages) {
    if (json) {
      const members = page.map((row) => formatJson([tell(row)]).slice(1, -2))
      if (members.length > 0) print((isFirst ? '[' : ',') + members.join(','))
    } else print(table.add(page.map((row) => cellsOf.map((show) => plain(show(row))))))
    isFirst &&= json === true && page.length === 0
  }
  if (json) print(isFirst ? '[]\n' : '\n]\n')
}

/** Rows as aligned columns under one heading. */
class Table {
  readonly #widths: number[] = []
  readonly #headings: readonly string[]
  #isBegun = false

  constructor(headings: readonly string[]) {
    this.#headings = headings.map((heading) => heading.toUpperCase())
  }

  /** The lines of these rows, after that of the headings the first time. */
  add(rows: readonly (readonly string[])[]): string {
    const lines = this.#isBegun ? rows : [this.#headings, ...rows]
    this.#isBegun = true
    for (const cells of lines) {
      for (const [column, cell] of cells.entries()) {
        this.#widths[column] = Math.max(this.#widths[column] ?? 0, cell.length)
      }
    }
    return lines.map((cells) => `${this.#format(cells)}\n`).join('')
  }

  #format(cells: readonly string[]): string {
    return cells
      .map((cell, column) => cell.padEnd(this.#widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  }
}

/** A moment in seconds as people read it. */
export const formatMoment = (moment: number | null): string => (moment === null ? '-' : formatTime(seconds(moment)))
