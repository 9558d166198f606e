import { type DestinationStream, type Logger, pino } from 'pino'
import { escapeUnseen } from '../escape-unseen.ts'
import { type LineWriter, standardOutput } from './line-writer.ts'

export type { Logger } from 'pino'

/**
 * The log: one JSON object a line on standard output, or a readable line in development. What is logged is named field by
 * field; no headers, bodies, queries, tokens or secrets are ever handed to it. What strangers send stands in it with what is not
 * seen escaped. Lines that cannot be written are dropped, and how many stands in a line as soon as one can be.
 * @param lines instead of standard output; for tests
 */
export function createLog(
  options: { readonly level: string; readonly development: boolean },
  lines: Pick<LineWriter, 'write' | 'onWritable'> = standardOutput(),
): Logger {
  const settings = { level: options.level, base: null, timestamp: () => `,"time":"${new Date().toISOString()}"` }
  const escaped: DestinationStream = { write: (text) => lines.write(escapeUnseen(text)) }
  const log = pino(settings, options.development ? readableLines(escaped) : escaped)
  lines.onWritable = (lost) => log.warn(lost, 'log lines were dropped: they could not be written')
  return log
}

interface Line {
  readonly level: number
  readonly msg?: string
  readonly [field: string]: unknown
}

const levelNames: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' }

function readableLines(lines: DestinationStream): DestinationStream {
  return {
    write(text) {
      const { level, msg, time: _time, ...fields } = JSON.parse(text) as Line // written by pino, one line above
      const rest = Object.entries(fields)
        .filter(([, value]) => value !== undefined && value !== '')
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
      lines.write(`${levelNames[level] ?? level} ${msg ?? ''} ${rest.join(' ')}\n`)
    },
  }
}
