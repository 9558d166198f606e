import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import { loadForCommand } from '../configuration/load-for-use.ts'
import { formatProblem } from '../configuration/problem.ts'
import { findRecord, isRunning, type ProcessRecord, type ReloadOutcome } from '../pid-file.ts'
import { type ConfigurationOptions, withConfiguration } from './open.ts'
import { answerWarning } from './output.ts'

/** Milliseconds in which a reload should be over. */
const patience = 5000
const pollInterval = 50

/** `gatehouse reload`: checks the file, tells the running Gatehouse to take it, and says what became of it. */
export function addReloadCommand(program: Command): void {
  withConfiguration(program.command('reload'))
    .description('check the configuration file, let the running Gatehouse take it, and say what became of it')
    .addHelpText(
      'after',
      '\nA file with a problem is not taken: the old configuration goes on. What the running Gatehouse finds wrong, such as a\nvariable that it was started without, is told here too.\n\nExample:\n  $ gatehouse reload --config /etc/gatehouse.yaml\n\nExit code 1: the file was not taken, or not all that it asks for was done. What\nis taken at the next start only is said, and no failure.\n',
    )
    .action(async (options: ConfigurationOptions) => {
      const { pidFile } = await loadForCommand({ file: options.config, development: options.dev ?? false })
      if (pidFile === undefined)
        throw new Error('this configuration has no pid_file; send SIGHUP to the process, or set one')
      const record = getRunning(pidFile)
      signal(record.pid)
      say(options, record.pid, await waitForOutcome(pidFile, record))
    })
}

function getRunning(file: string): ProcessRecord {
  const record = findRecord(file)
  if (record === undefined)
    throw new Error(`${file} and its record are not there: Gatehouse does not run on this configuration`)
  const { pid, started } = record
  if (started === undefined)
    throw new Error(`this system does not say which process ${pid} is; if it is Gatehouse: kill -HUP ${pid}`)
  if (!isRunning(record))
    throw new Error(
      `${file} names process ${pid}, which is gone: Gatehouse does not run on this configuration, or in another container; reload it there`,
    )
  return record
}

function signal(pid: number): void {
  try {
    process.kill(pid, 'SIGHUP')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException // what process.kill throws has a code
    if (code === 'EPERM') throw new Error(`process ${pid} is another user's: reload as the user that Gatehouse runs as`)
    throw cause
  }
}

/** Whatever answers for one reload more than had been asked for was read after the file that we mean. */
async function waitForOutcome(file: string, { pid, started, asked }: ProcessRecord): Promise<ReloadOutcome> {
  for (const end = performance.now() + patience; performance.now() < end; await delay(pollInterval)) {
    const record = findRecord(file)
    if (record?.pid !== pid || record.started !== started)
      throw new Error(`process ${pid} ended before it had reloaded`)
    if (record.outcome && record.answered > asked) return record.outcome
  }
  throw new Error(
    `process ${pid} was told to reload, and has not said within ${patience / 1000} s what became of it: see its log`,
  )
}

function say(options: ConfigurationOptions, pid: number, { taken, waiting, problems, warnings }: ReloadOutcome): void {
  const ok = taken && problems.length === 0
  const lines = [
    taken ? `process ${pid} has taken the configuration` : `process ${pid} goes on with the old configuration:`,
    ...(waiting.length > 0 ? [`taken at its next start only: ${waiting.join(', ')}`] : []),
    ...problems.map(formatProblem),
  ]
  if (ok || options.json) {
    const told = { ok, pid, taken, waiting_for_restart: waiting, problems }
    answerWarning(options, told, lines.join('\n'), warnings)
  } else process.stderr.write(`${lines.join('\n')}\n`)
  if (!ok) process.exitCode = 1
}
