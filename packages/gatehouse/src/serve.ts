import type { AddressInfo } from 'node:net'
import { issueSetupToken } from '@gatehouse/auth/manage/first-administrator'
import type { PreparedStore, Store } from '@gatehouse/store/store'
import { systemClock } from './clock.ts'
import { compose, type Program } from './compose.ts'
import type { Configuration, ListenAddress } from './configuration/configuration.ts'
import { asksDatabase, DatabaseError, describeWaiting, explainDatabase, openDatabase } from './database.ts'
import { claimPidFile, type PidFile } from './pid-file.ts'
import { type LoadAgain, queueReloads, reload } from './reload.ts'
import { type FrontServer, isTlsServer } from './server.ts'
import { inSingleProcess, type Siblings } from './siblings.ts'
import { endProcess, standardError } from './telemetry/line-writer.ts'
import { createLog, type Logger } from './telemetry/log.ts'
import { tuneV8 } from './tune-v8.ts'

async function migrate(configuration: Configuration, store: Store, log: Logger): Promise<void> {
  const names = await asksDatabase(configuration, () =>
    store.migrate((holder) => log.warn({ postgres_pid: holder.pid }, describeWaiting(holder))),
  )
  for (const name of names) log.info({ migration: name }, 'migrated')
  const unknown = await store.unknownMigrations()
  if (unknown.length > 0) log.warn({ migrations: unknown }, 'the database was migrated by a newer Gatehouse than this')
}

/** What keeps the database from being used stands in the log, as all that happens once the configuration is read. */
async function logWhyNot<T>(configuration: Configuration, log: Logger, start: () => Promise<T>): Promise<T> {
  try {
    return await start()
  } catch (error) {
    const known = error instanceof DatabaseError ? error : explainDatabase(configuration, error)
    if (!known) throw error
    log.fatal(known.message)
    throw new LoggedError()
  }
}

/** Ends the start for a reason that the log has. */
export class LoggedError extends Error {}

/** Brings the database to this version's schema, for a process that serves nobody itself. */
export async function migrateDatabase(configuration: Configuration, prepared: PreparedStore): Promise<void> {
  const log = createLog({ level: configuration.logLevel, development: configuration.development })
  await logWhyNot(configuration, log, async () => {
    const store = await openDatabase(configuration, { prepared })
    try {
      await migrate(configuration, store, log)
    } finally {
      await store.close()
    }
  })
}

/** What is done on an open, migrated store before anybody is served. */
export type Prepare = (program: Program) => Promise<void>

interface ServeOptions {
  readonly configuration: Configuration
  readonly loadAgain: LoadAgain
  /** Started while the configuration was read. */
  readonly prepared: PreparedStore
  readonly prepare?: Prepare
  readonly onReady: (url: string) => void
  readonly siblings?: Siblings
}

/** Seconds that requests may take to finish once the server is told to stop. */
const drainSeconds = 8
/** Milliseconds between not being ready and not accepting, for balancers to notice. */
const noticeMilliseconds = 1500
/** How long the last words have to reach their clients. */
const lastWordMilliseconds = 300

/**
 * Runs Gatehouse until it is told to stop: migrates, composes, listens, reloads on SIGHUP, and on SIGTERM or SIGINT stops
 * being ready, lets requests finish and exits within ten seconds.
 */
export async function serve(options: ServeOptions): Promise<void> {
  tuneV8()
  const { configuration, siblings = inSingleProcess } = options
  const log = createLog({ level: configuration.logLevel, development: configuration.development })
  const reloads = queueReloads()
  if (siblings.isPrimary) for (const warning of configuration.warnings) log.warn(warning)
  let isStarting = true
  const store = await logWhyNot(configuration, log, async () => {
    const opened = await openDatabase(configuration, { prepared: options.prepared, isPatient: () => isStarting })
    if (siblings.isPrimary) await migrate(configuration, opened, log)
    return opened
  })
  const composed = {
    ...{ configuration, store, clock: systemClock, log, hintSiblings: siblings.hint },
    ...(siblings.tell === undefined ? {} : { tellSiblings: siblings.tell }),
    isPrimary: siblings.isPrimary,
  }
  const program = await logWhyNot(configuration, log, () => compose(composed))
  siblings.onHint((channel) => program.onHint(channel))
  siblings.onMessage((message) => program.onMessage(message))
  await options.prepare?.(program)
  isStarting = false
  await listen(program.server, configuration.listen)
  if (program.metricsServer && configuration.metrics.listen)
    await listen(program.metricsServer, configuration.metrics.listen)
  if (program.extAuthz && configuration.extAuthz) await program.extAuthz.listen(configuration.extAuthz)
  // Not before: a start that fails must not hand out what nobody can use.
  if (siblings.isPrimary && !configuration.development) {
    await offerSetupToken(store, configuration).catch((error: unknown) => {
      const known = explainDatabase(configuration, error)
      if (!known) throw error
      // Tokens are checked and requests forwarded without a write; the next start offers it again.
      log.warn(`no token for a first administrator: ${known.message}`)
    })
  }
  const pidFile = siblings.isPrimary ? claimConfigured(configuration, siblings.supervisor, log) : undefined
  reloads.start(() => reload({ loadAgain: options.loadAgain, program, log, store }), pidFile)
  let stopping = false
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping) return
      stopping = true
      // Before the rest: who stops takes no reload any more, and the next one can have the file.
      pidFile?.remove()
      void stop(program, log).finally(() => endProcess(0))
    })
  }
  options.onReady(urlOf(program.server, configuration))
}

/** The start does not fail for a file that nobody has asked for. */
function claimConfigured({ pidFile, asksForPidFile }: Configuration, pid: number, log: Logger): PidFile | undefined {
  if (pidFile === undefined) return undefined
  try {
    return claimPidFile(pidFile, pid, log)
  } catch (error) {
    if (asksForPidFile || !(error instanceof Error)) throw error
    log.warn(
      `${error.message}; without it \`gatehouse reload\` does not find this process, and SIGHUP reloads all the same`,
    )
    return undefined
  }
}

async function stop(program: Program, log: Logger): Promise<void> {
  log.info('stopping')
  program.announceStop()
  if (!program.parts.configuration.development) await new Promise((resolve) => setTimeout(resolve, noticeMilliseconds))
  const forced = setTimeout(() => void endProcess(0), (drainSeconds - 1) * 1000 + 500)
  await Promise.all([
    closeServer(program.server, program.endRunning),
    program.metricsServer && closeServer(program.metricsServer),
    program.extAuthz?.close(),
  ])
  await program.close()
  clearTimeout(forced)
}

/** Closes a server when its connections are at rest. `endRunning` is called on those that are not in time, before they are broken. */
function closeServer(server: FrontServer, endRunning?: () => void): Promise<void> {
  return new Promise((resolve) => {
    const idle = setInterval(() => server.closeIdleConnections(), 100)
    const late = setTimeout(
      () => {
        endRunning?.()
        // What was said last has to get there.
        setTimeout(() => server.closeAllConnections(), lastWordMilliseconds).unref()
      },
      (drainSeconds - 2) * 1000,
    )
    server.close(() => {
      clearInterval(idle)
      clearTimeout(late)
      resolve()
    })
    server.closeIdleConnections()
  })
}

async function offerSetupToken(store: Store, { issuer }: Configuration): Promise<void> {
  const token = await issueSetupToken({ store, clock: systemClock })
  if (token === undefined) return
  standardError().write(
    [
      '',
      'There is no user with the role administrator yet. This one-time token, valid for a day, makes the first:',
      '',
      `  curl ${issuer}/admin/api/v1/first-administrator -H 'content-type: application/json' \\`,
      `    -d '{"setup_token":"${token}","username":"…","password":"…"}'`,
      '',
      'The role is for administration over HTTP, which there is not yet: users, clients and keys are looked after by the',
      'command line (gatehouse --help). Nothing is lost by leaving this: each start prints a new token until it is done.',
      '',
      '',
    ].join('\n'),
  )
}

function listen(server: FrontServer, { host, port }: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Where it listens, as a person would type it: in development the issuer, else address and port. */
function urlOf(server: FrontServer, { development, issuer }: Configuration): string {
  if (development) return issuer
  const { address, family, port } = server.address() as AddressInfo // a TCP server that listens
  return `${isTlsServer(server) ? 'https' : 'http'}://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
