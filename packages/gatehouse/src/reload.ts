import { recordEvent } from '@gatehouse/auth/domain/audit'
import type { Store } from '@gatehouse/store/store'
import { systemClock } from './clock.ts'
import type { Program } from './compose.ts'
import type { Configuration } from './configuration/configuration.ts'
import { ConfigurationError, formatProblem, type Problem } from './configuration/problem.ts'
import { planReload } from './configuration/restart.ts'
import type { PidFile, ReloadOutcome } from './pid-file.ts'
import type { Logger } from './telemetry/log.ts'

/** How a configuration is read again on reload. */
export type LoadAgain = () => Promise<Configuration>

/** Reloads one after the other, in the order in which they are asked for. */
export interface ReloadQueue {
  /** From now on reloads are done, and what becomes of each stands beside the pid file. */
  start(reload: () => Promise<ReloadOutcome>, pidFile: PidFile | undefined): void
}

/**
 * Listens to SIGHUP. From the first line on, since a signal that nobody listens to would end the process: what is asked for
 * during the start is done when that is over.
 */
export function queueReloads(): ReloadQueue {
  let pidFile: PidFile | undefined
  let begin: (run: () => Promise<void>) => void = () => {}
  const started = new Promise<() => Promise<void>>((resolve) => {
    begin = resolve
  })
  let last: Promise<unknown> = started
  process.on('SIGHUP', () => {
    pidFile?.onAsked()
    last = last.then(async () => (await started)())
  })
  return {
    start(reload, claimed) {
      pidFile = claimed
      begin(async () => {
        const answer = claimed?.begin()
        const outcome = await reload()
        answer?.(outcome)
      })
    },
  }
}

/** Reads the configuration again, and takes it where nothing is wrong with it. Never rejects. */
export async function reload({
  loadAgain,
  program,
  log,
  store,
}: {
  readonly loadAgain: LoadAgain
  readonly program: Program
  readonly log: Logger
  readonly store: Store
}): Promise<ReloadOutcome> {
  const running = program.parts.configuration
  const { file } = running
  let next: Configuration
  try {
    next = await loadAgain()
    await program.checkClients(next)
    if (next.issuer !== running.issuer) throw issuerChanged(file)
  } catch (error) {
    const problems =
      error instanceof ConfigurationError ? error.problems : [{ ...ofFile(file), message: String(error) }]
    log.error({ problems: problems.map(formatProblem) }, 'configuration not reloaded: the old one goes on')
    return { taken: false, waiting: [], problems, warnings: [] }
  }
  const { taken, waiting } = planReload({ started: running, current: program.current, next })
  const endRemoved = program.reload(taken)
  // What the start has told is known; of the environment, which does not change, there is nothing else to tell.
  const warnings = next.warnings.filter((warning) => !running.warnings.includes(warning))
  if (program.parts.isPrimary) for (const warning of warnings) log.warn(warning)
  if (waiting.length > 0) log.warn({ keys: waiting }, 'changed in the file, and taken at the next start only')
  log.info('configuration reloaded')
  try {
    await endRemoved()
    await recordEvent(store, systemClock, { type: 'configuration_reloaded', result: 'ok', actor: 'signal' })
  } catch (error) {
    const message = 'reloaded, but what removed clients had was not ended: reload again'
    log.error({ err: String(error) }, message)
    return { taken: true, waiting, problems: [{ ...ofFile(file), message }], warnings }
  }
  return { taken: true, waiting, problems: [], warnings }
}

const ofFile = (file: string): Omit<Problem, 'message'> => ({ file, line: undefined, key: '' })

const issuerChanged = (file: string): ConfigurationError =>
  new ConfigurationError([
    { ...ofFile(file), key: 'issuer', message: 'the issuer cannot change while Gatehouse runs: restart it' },
  ])
