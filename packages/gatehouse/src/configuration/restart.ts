import { isDeepStrictEqual } from 'node:util'
import type { AuthSettings } from '@gatehouse/auth/auth-options'
import type { MailKind } from '@gatehouse/auth/mail/letters'
import { type MailSettings, takesKind } from '@gatehouse/auth/mail/open-outbox'
import type { Configuration } from './configuration.ts'
import { checkCertificateClients } from './resolve-certificates.ts'
import { kindsOfSignIn, kindsOfSignUp } from './resolve-mail.ts'

type Read = (configuration: Configuration) => unknown

/** What a reload does not take, by its key in the file. */
const fixed = {
  listen: ({ listen }) => listen,
  database: ({ database }) => database,
  master_key: ({ masterKey }) => masterKey,
  tls: ({ certificates: { files, http2 } }) => [files.cert, files.key, http2],
  client_certificates: ({ certificates: { files, ask, header } }) => [files.authorities, ask, header],
  login_api: ({ loginApi }) => loginApi,
  // Else it goes with the database.
  pid_file: ({ asksForPidFile, pidFile }) => asksForPidFile && pidFile,
  'passwords.memory_kib': ({ hashing }) => hashing.parameters.memory,
  'passwords.passes': ({ hashing }) => hashing.parameters.passes,
  'passwords.hashes_at_a_time': ({ hashing }) => hashing.atATime,
  'passwords.hashes_waiting': ({ hashing }) => hashing.mayWait,
  'passwords.breached': ({ breachedPasswords }) => breachedPasswords,
  mail: ({ mail: { smtp, most, perRecipient } }) => [smtp, most, perRecipient],
  delivery: ({ mail: { webhook } }) => webhook,
  metrics: ({ metrics }) => metrics,
  ext_authz: ({ extAuthz }) => extAuthz,
  log: ({ logLevel }) => logLevel,
  workers: ({ workers }) => workers,
} satisfies Record<string, Read>

/** The keys that a reload does not take, whatever else stands in the file: for the documentation. */
export const fixedKeys: readonly string[] = Object.keys(fixed)

/** What a reload makes of a new configuration. */
export interface ReloadPlan {
  /** The new one, in which what the running process cannot do is as it was. */
  readonly taken: Configuration
  /** The keys that only a restart takes: an operator who reloads must not believe that they hold. */
  readonly waiting: readonly string[]
}

/**
 * Decides what of a new configuration a reload takes. `started` is what the process was started with, `current` what the last reload
 * left. What needs something that only a restart brings waits for it too. Threat: a sign-in by mail of a process that has no way to
 * send any, after which nobody could sign in.
 */
export function planReload({
  started,
  current,
  next,
}: {
  readonly started: Configuration
  readonly current: Configuration
  readonly next: Configuration
}): ReloadPlan {
  const changed = Object.entries(fixed)
    .filter(([, read]) => !isDeepStrictEqual(read(started), read(next)))
    .map(([key]) => key)
  const byMail = holdMailed(started.mail, current.auth, next.auth)
  const byCertificate = holdCertificateClients(started, current.auth, next.auth)
  const auth = { ...next.auth, ...byMail.auth, ...byCertificate.auth }
  const keepsProxies = isHeaderLeft(started, next)
  const { trustedProxies } = keepsProxies ? current : next
  const byHeader = isDeepStrictEqual(trustedProxies, next.trustedProxies) ? [] : ['trusted_proxies']
  const waiting = [...changed, ...byHeader, ...byMail.waiting, ...byCertificate.waiting]
  return { taken: { ...next, trustedProxies, auth }, waiting }
}

/**
 * Whether the running process reads certificates from a header that the new file names no more. Then the proxies stay that write it.
 * Threat: new ones that write another header, and pass on what a stranger has sent in this one.
 */
const isHeaderLeft = ({ certificates: { header } }: Configuration, next: Configuration): boolean =>
  header !== undefined && header !== next.certificates.header

interface Held {
  readonly auth: Partial<AuthSettings>
  readonly waiting: readonly string[]
}

/** What people are mailed for, where the running process has no way to send that. */
function holdMailed(mail: MailSettings, current: AuthSettings, next: AuthSettings): Held {
  const isUnsent = (kind: MailKind): boolean => !takesKind(mail, kind)
  const holdsSignUp = kindsOfSignUp(next.signUp.mode).some(isUnsent)
  const holdsSignIn = kindsOfSignIn(next.signInMethods).some(isUnsent)
  return {
    auth: {
      ...(holdsSignUp && { signUp: current.signUp }),
      ...(holdsSignIn && { signInMethods: current.signInMethods }),
    },
    waiting: [...(holdsSignUp ? ['sign_up'] : []), ...(holdsSignIn ? ['sign_in'] : [])],
  }
}

/** Clients whose certificate could not reach the process, or that nobody would stand for there. */
function holdCertificateClients({ certificates }: Configuration, current: AuthSettings, next: AuthSettings): Held {
  const held = new Set<string>()
  checkCertificateClients(next.clients, certificates, ([, id]) => held.add(String(id)))
  if (held.size === 0) return { auth: {}, waiting: [] }
  const before = new Map(current.clients.map((client) => [client.id, client]))
  const clients = next.clients.map((client) => (held.has(client.id) ? before.get(client.id) : client))
  return {
    auth: { clients: clients.filter((client) => client !== undefined) },
    waiting: [...held].map((id) => `clients.${id}`),
  }
}
