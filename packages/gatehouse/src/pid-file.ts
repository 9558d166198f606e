import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import type { Problem } from './configuration/problem.ts'
import { findProcessStart } from './process-start.ts'
import type { Logger } from './telemetry/log.ts'

/** What became of a reload. */
export interface ReloadOutcome {
  readonly taken: boolean
  /** Keys that have changed in the file and are taken at the next start only. */
  readonly waiting: readonly string[]
  /** Why it was not taken, or what of it was not done. */
  readonly problems: readonly Problem[]
  /** What is probably a mistake in the file that was taken, stopped nothing, and was not told at the start already. */
  readonly warnings: readonly string[]
}

/** What stands beside the pid file: which process it is that the file names, and what its reloads came to. */
export interface ProcessRecord {
  readonly pid: number
  /** See {@link findProcessStart}: by it a process that was given the same id later is known as another. */
  readonly started: string | undefined
  /** How many reloads the process has been asked for. */
  readonly asked: number
  /** Up to which of them `outcome` answers. */
  readonly answered: number
  readonly outcome: ReloadOutcome | undefined
}

/** The pid file of a process that runs, and the record beside it. */
export interface PidFile {
  /** A reload is asked for. */
  onAsked(): void
  /** Begins a reload, which does for all that were asked for before; what it returns takes the outcome. */
  begin(): (outcome: ReloadOutcome) => void
  /** Removes both files, unless another process has taken them meanwhile. */
  remove(): void
}

/** The record beside a pid file. */
export const recordFileOf = (file: string): string => `${file}.json`

/** The record beside a pid file, or `undefined` where there is none that can be read. */
export function findRecord(file: string): ProcessRecord | undefined {
  try {
    const record: unknown = JSON.parse(readFileSync(recordFileOf(file), 'utf8'))
    return isRecord(record) ? record : undefined
  } catch {
    return undefined
  }
}

/** Whether the process of a record still runs: one that has its id, and started when it did. */
export const isRunning = ({ pid, started }: ProcessRecord): boolean =>
  started !== undefined && findProcessStart(pid) === started

/**
 * Writes the process id and the record beside it; `undefined`, and nothing is written, where they are those of another process
 * that runs. Who takes the place of another under the same supervisor goes on with its record. Throws where they cannot be
 * written; later that is logged alone.
 */
export function claimPidFile(file: string, pid: number, log: Logger): PidFile | undefined {
  const started = findProcessStart(pid)
  const found = findRecord(file)
  const isOurs = (record: ProcessRecord): boolean => record.pid === pid && record.started === started
  if (found && !isOurs(found) && isRunning(found)) {
    log.warn(
      { pid_file: file, pid: found.pid },
      'the pid file is that of another Gatehouse that runs: `gatehouse reload` reaches that one; set another pid_file for this one',
    )
    return undefined
  }
  let record: ProcessRecord =
    found && isOurs(found) ? found : { pid, started, asked: 0, answered: 0, outcome: undefined }
  try {
    replaceFile(recordFileOf(file), JSON.stringify(record))
    writeFileSync(file, `${pid}\n`, ours)
  } catch (cause) {
    throw new Error(`pid_file ${file} cannot be written: ${String(cause)}; it and its folder must be ours to write`)
  }
  let isRemoved = false
  const write = (changes: Partial<ProcessRecord>): void => {
    if (isRemoved) return
    record = { ...record, ...changes }
    try {
      replaceFile(recordFileOf(file), JSON.stringify(record))
    } catch (error) {
      log.error({ err: String(error) }, 'what becomes of a reload cannot be written beside the pid file')
    }
  }
  return {
    onAsked: () => write({ asked: record.asked + 1 }),
    begin() {
      const answered = record.asked
      return (outcome) => write({ answered, outcome })
    },
    remove() {
      isRemoved = true
      const last = findRecord(file)
      if (!last || !isOurs(last)) return
      try {
        for (const name of [file, recordFileOf(file)]) rmSync(name, { force: true })
      } catch (error) {
        log.warn({ err: String(error) }, 'the pid file cannot be removed')
      }
    },
  }
}

/** Others may read who is running, and never say who is to be signalled, whatever the umask. */
const ours = { mode: 0o644 } as const

/** Whoever reads it finds the old content or the new one, never half of it. */
function replaceFile(file: string, text: string): void {
  const next = `${file}.${process.pid}`
  writeFileSync(next, text, ours)
  renameSync(next, file)
}

const isRecord = (value: unknown): value is ProcessRecord =>
  typeof value === 'object' &&
  value !== null &&
  'pid' in value &&
  Number.isSafeInteger(value.pid) &&
  Number(value.pid) > 0 &&
  'asked' in value &&
  'answered' in value &&
  typeof value.asked === 'number' &&
  typeof value.answered === 'number'
