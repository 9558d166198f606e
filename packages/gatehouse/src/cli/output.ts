import { formatMoment as formatTime, seconds } from '@gatehouse/core/time'

/** Answers a command: as JSON where that was asked for, else as text. */
export function answer(options: { readonly json?: boolean }, value: unknown, text: string): void {
  print(options.json ? `${JSON.stringify(value, null, 2)}\n` : `${text}\n`)
}

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

/** Rows as aligned columns with a heading. */
export function formatTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return [headings.map((heading) => heading.toUpperCase()), ...rows].map(line).join('\n')
}

/** A moment in seconds as people read it. */
export const formatMoment = (moment: number | null): string => (moment === null ? '-' : formatTime(seconds(moment)))
