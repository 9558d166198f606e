/** What is wrong with a configuration, and where. */
export interface Problem {
  /** The file, or `environment` for a value that a variable sets. */
  readonly file: string
  /** From 1; absent where no line can be named. */
  readonly line: number | undefined
  /** The key with dots, such as `services.orders.routes[0].require`; empty for the file as a whole. */
  readonly key: string
  /** What is wrong and what would be right. */
  readonly message: string
}

/** Notes a problem with the value at a path. */
export type Report = (path: readonly (string | number)[], message: string) => void

/** One line for one problem: file, line, key, and what would be right. */
export const formatProblem = ({ file, line, key, message }: Problem): string =>
  `${file}${line === undefined ? '' : `:${line}`}: ${key === '' ? '' : `${key}: `}${message}`

/** A path into the configuration as it is written in problems. */
export const formatKey = (path: readonly (string | number)[]): string =>
  path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`),
    '',
  )

/** Thrown when a configuration cannot be used. */
export class ConfigurationError extends Error {
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join('\n'))
    this.name = 'ConfigurationError'
    this.problems = problems
  }
}
