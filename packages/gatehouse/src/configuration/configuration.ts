import type { AuthSettings } from '@gatehouse/auth/auth-options'
import type { BreachedPasswordSource } from '@gatehouse/auth/domain/breached-passwords'
import type { HashParameters } from '@gatehouse/auth/domain/passwords'
import type { MailSettings } from '@gatehouse/auth/mail/open-outbox'
import type { ProtectedResource } from '@gatehouse/auth/protocol/protected-resource'
import type { Seconds } from '@gatehouse/core/brand'
import type { RouteTable } from '@gatehouse/gateway/routes'
import type { CertificateSettings } from './resolve-certificates.ts'

/** Where something listens. */
export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** A configuration that has been checked and can be used as it is. */
export interface Configuration {
  /** The file that it came from. */
  readonly file: string
  readonly development: boolean
  /** What is probably a mistake, and stops nothing. */
  readonly warnings: readonly string[]
  readonly issuer: string
  readonly listen: ListenAddress
  /** A path or a postgres:// URL. */
  readonly database: string
  readonly masterKey: { readonly key: Buffer; readonly previous?: Buffer | undefined }
  readonly certificates: CertificateSettings
  /** Swapped on reload. */
  readonly trustedProxies: readonly string[]
  /** Swapped on reload. */
  readonly firstPartyOrigins: ReadonlySet<string>
  /** Seconds for which browsers come to pages by https alone; undefined = nothing is said of it: swapped on reload. */
  readonly httpsFor: Seconds | undefined
  readonly loginApi: boolean
  readonly pidFile: string | undefined
  /** Whether the file says where it lies, or it is beside the database by default. */
  readonly asksForPidFile: boolean
  readonly hashing: {
    readonly parameters: HashParameters
    readonly atATime: number
    readonly mayWait: number
    /** Processors that hashes may take while the process has other work. */
    readonly processorsWhenBusy: number
  }
  readonly mail: MailSettings
  /** Where passwords are looked up that are known from breaches. */
  readonly breachedPasswords: BreachedPasswordSource | undefined
  /** Where Envoys ask over gRPC; absent = nowhere. */
  readonly extAuthz?: ListenAddress | undefined
  readonly metrics: { readonly allow: readonly string[]; readonly listen?: ListenAddress | undefined }
  /** Seconds for which audit events are kept: swapped on reload. */
  readonly auditKept: Seconds
  /** How long refusals of the gateway are kept; 0 = not at all: swapped on reload. */
  readonly refusalsKept: Seconds
  readonly logLevel: string
  readonly workers: number
  /** Every role that the file names: what commands are given is compared with them. */
  readonly namedRoles: ReadonlySet<string>
  /** What the authentication side reads at each use: swapped on reload. */
  readonly auth: AuthSettings
  /** What the gateway routes by: swapped on reload. */
  readonly routes: RouteTable
  /** What has metadata as a protected resource: swapped on reload. */
  readonly resources: readonly ProtectedResource[]
}
