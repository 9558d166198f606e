import { isDeepStrictEqual } from 'node:util'
import type { Configuration } from './configuration.ts'

/** What a reload does not take, by its key in the file. */
const fixed = {
  listen: ({ listen }) => listen,
  database: ({ database }) => database,
  master_key: ({ masterKey }) => masterKey,
  tls: ({ certificates: { files, http2 } }) => [files.cert, files.key, http2],
  client_certificates: ({ certificates: { files, ask, header } }) => [files.authorities, ask, header],
  trusted_proxies: ({ trustedProxies }) => trustedProxies,
  first_party_origins: ({ firstPartyOrigins }) => firstPartyOrigins,
  login_api: ({ loginApi }) => loginApi,
  pid_file: ({ pidFile }) => pidFile,
  passwords: ({ hashing, breachedPasswords }) => [hashing, breachedPasswords],
  mail: ({ mail: { smtp, most, perRecipient } }) => [smtp, most, perRecipient],
  delivery: ({ mail: { webhook } }) => webhook,
  metrics: ({ metrics }) => metrics,
  ext_authz: ({ extAuthz }) => extAuthz,
  log: ({ logLevel }) => logLevel,
  workers: ({ workers }) => workers,
} satisfies Record<string, (configuration: Configuration) => unknown>

/**
 * The keys that a changed file has other values for than the running program, and that only a restart takes: an operator
 * who reloads must not believe that they hold.
 */
export const keysThatNeedRestart = (running: Configuration, next: Configuration): readonly string[] =>
  Object.entries(fixed)
    .filter(([, read]) => !isDeepStrictEqual(read(running), read(next)))
    .map(([key]) => key)
