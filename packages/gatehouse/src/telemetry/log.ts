import { type DestinationStream, destination, type Logger, pino } from 'pino'

export type { Logger } from 'pino'

/**
 * The log: one JSON object a line on standard output, or a readable line in development. What is logged is named field by
 * field; no headers, bodies, queries, tokens or secrets are ever handed to it.
 */
export function createLog(options: { readonly level: string; readonly development: boolean }): Logger {
  const settings = { level: options.level, base: null, timestamp: () => `,"time":"${new Date().toISOString()}"` }
  return options.development
    ? pino(settings, readableLines())
    : pino(settings, destination({ fd: 1, sync: false, maxLength: bufferLimit }))
}

/** Bytes that wait for a reader of standard output that is too slow; past it lines are dropped, and the service goes on. */
const bufferLimit = 16_777_216

interface Line {
  readonly level: number
  readonly msg?: string
  readonly [field: string]: unknown
}

const levelNames: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' }

function readableLines(): DestinationStream {
  return {
    write(text) {
      const { level, msg, time: _time, ...fields } = JSON.parse(text) as Line // written by pino, one line above
      const rest = Object.entries(fields)
        .filter(([, value]) => value !== undefined && value !== '')
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
      process.stdout.write(`${levelNames[level] ?? level} ${msg ?? ''} ${rest.join(' ')}\n`)
    },
  }
}
