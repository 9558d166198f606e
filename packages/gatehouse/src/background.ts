import type { Auth } from '@gatehouse/auth/auth'
import { inSteps } from '@gatehouse/auth/domain/in-steps'
import type { Seconds } from '@gatehouse/core/brand'
import type { Store } from '@gatehouse/store/store'
import type { Logger } from './telemetry/log.ts'
import type { Telemetry } from './telemetry/telemetry.ts'

interface Dependencies {
  readonly store: Store
  readonly auth: Auth
  readonly log: Logger
  readonly telemetry: Telemetry
  /** The moment before which audit events are no longer kept. */
  readonly auditFrom: () => Seconds
  /** Writes down the refusals of the last moment. */
  readonly writeRefusals: () => Promise<void>
  /** Whether this process does what one process of all should do: removing expired rows. */
  readonly isPrimary: boolean
}

interface Job {
  readonly name: string
  /** Milliseconds between the end of one run and the start of the next. */
  readonly every: number
  readonly run: () => Promise<unknown>
}

/** What runs beside the requests. */
export interface Background {
  /** Another process says that something changed. */
  onHint(channel: string): void
  /** A mail has been queued: it is delivered as soon as its transaction may have committed. */
  onMailQueued(): void
  stop(): Promise<void>
}

/** Starts following the revocations, keeping the signing keys, delivering, and removing what has expired. */
export function startBackground(dependencies: Dependencies): Background {
  const { store, auth, log, telemetry, auditFrom, writeRefusals, isPrimary } = dependencies
  const followRevocations = (): Promise<void> => auth.revocations.follow()
  const deliverMails: Job = { name: 'deliver_mails', every: 2000, run: () => auth.outbox.deliver() }
  const writeClientRefusals: Job = { name: 'write_client_refusals', every: 500, run: () => auth.clientRefusals.write() }
  const jobs: Job[] = [
    { name: 'follow_revocations', every: 1000, run: followRevocations },
    { name: 'reload_signing_keys', every: 5000, run: () => auth.keys.reload() },
    { name: 'write_refusals', every: 500, run: writeRefusals },
    writeClientRefusals,
    { name: 'try_writing', every: 2000, run: () => tryWriting(store) },
    { name: 'maintain_signing_keys', every: 60_000, run: () => auth.keys.maintain() },
  ]
  if (isPrimary) {
    jobs.push(
      { name: 'remove_unused_clients', every: 600_000, run: () => auth.dynamicClients.removeUnused() },
      deliverMails,
      { name: 'deliver_logouts', every: 2000, run: () => auth.logoutDeliveries.deliver() },
      { name: 'give_up_logouts', every: 10_000, run: () => auth.logoutDeliveries.giveUp() },
      { name: 'remove_expired', every: 10_000, run: () => inChunks((limit) => store.removeExpired(limit)) },
      {
        name: 'remove_surplus_refusals',
        every: 60_000,
        run: () => inChunks((limit) => store.refusals.removeBeyond(mostRefusals, limit)),
      },
      {
        name: 'remove_old_audit_events',
        every: 60_000,
        run: () => inChunks((limit) => store.audit.removeBefore(auditFrom(), limit)),
      },
    )
  }

  const failing = new Set<string>()
  const runJob = async ({ name, run }: Job): Promise<void> => {
    try {
      await run()
      if (failing.delete(name)) log.info({ job: name }, 'background job works again')
    } catch (error) {
      telemetry.backgroundFailures.count(name)
      // Said once: a database that is away for an hour is one line and not thousands.
      if (!failing.has(name)) log.error({ job: name, err: describe(error) }, 'background job failed')
      failing.add(name)
    }
  }
  let stopped = false
  const timers = new Map<string, NodeJS.Timeout>()
  const running = new Set<Promise<void>>()
  const start = (job: Job): void => {
    const run = runJob(job).finally(() => {
      running.delete(run)
      if (!stopped) schedule(job)
    })
    running.add(run)
  }
  const schedule = (job: Job): void => {
    timers.set(job.name, setTimeout(() => start(job), job.every).unref())
  }
  for (const job of jobs) schedule(job)
  /** Runs a job beside its own rounds. */
  const runBeside = (job: Job): void => {
    const run = runJob(job).finally(() => running.delete(run))
    running.add(run)
  }
  // A revoked key may be the one that signs here: the keys are read again at once.
  const reloadKeys = (): void => {
    if (!stopped) runBeside({ name: 'reload_signing_keys', every: 0, run: () => auth.keys.reload() })
  }
  auth.revocations.watch({
    onRead(entries) {
      if (entries.some(({ kind }) => kind === 'kid')) reloadKeys()
    },
    onReadAnew(isAnotherDatabase) {
      reloadKeys()
      if (isAnotherDatabase) log.warn(anotherDatabase)
    },
  })
  let mailTimer: NodeJS.Timeout | undefined

  return {
    onHint(channel) {
      if (channel === 'revocations') void runJob({ name: 'follow_revocations', every: 0, run: followRevocations })
      if (channel === 'signing-keys')
        void runJob({ name: 'reload_signing_keys', every: 0, run: () => auth.keys.reload() })
    },
    onMailQueued() {
      if (stopped || mailTimer) return
      mailTimer = setTimeout(() => {
        mailTimer = undefined
        runBeside(deliverMails)
      }, commitTime).unref()
    },
    async stop() {
      stopped = true
      clearTimeout(mailTimer)
      for (const timer of timers.values()) clearTimeout(timer)
      await Promise.all(running)
      await Promise.all([runJob({ name: 'write_refusals', every: 0, run: writeRefusals }), runJob(writeClientRefusals)])
    },
  }
}

/**
 * Finds out whether writes succeed again, where nobody else may try for long. Not through a lock: while this one waited for it,
 * so would all others.
 */
async function tryWriting({ writes, tryWriting }: Store): Promise<void> {
  const { trouble } = writes
  if (trouble === undefined || trouble === 'locked' || trouble === 'damaged') return
  // Why it failed has been said.
  await tryWriting().catch(() => {})
}

const anotherDatabase =
  'the database has lost revocations that were read before: it was restored, or a standby has taken over that had not received ' +
  'everything. All revocations were read anew; docs/guides/backup.md says what an older database means'

/** However long they should be kept: about 60 MB. */
const mostRefusals = 100_000

/** Milliseconds within which what was written is committed, nearly always; what is later waits for the next round. */
const commitTime = 50
const chunk = 500

/** Removes small chunks, and leaves very many to the next round. */
const inChunks = (remove: (limit: number) => Promise<number>): Promise<void> =>
  inSteps({ size: chunk, most: 50 }, remove)

const describe = (error: unknown): string =>
  error instanceof Error
    ? `${error.message}${error.cause instanceof Error ? `: ${error.cause.message}` : ''}`
    : String(error)
