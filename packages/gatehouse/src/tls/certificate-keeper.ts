import { isDeepStrictEqual } from 'node:util'
import type { Seconds } from '@gatehouse/core/brand'
import type { Clock } from '@gatehouse/core/time'
import type { Logger } from '../telemetry/log.ts'
import {
  type CertificateFault,
  type CertificateFiles,
  type Certificates,
  describeExpiry,
  isCertificateFault,
  readCertificates,
} from './certificate-files.ts'
import { watchFiles } from './watch-files.ts'

/** The certificates that are in use, kept up to date with their files. */
export interface CertificateKeeper {
  readonly current: Certificates
  /** Looks at the files now: the new ones are taken where they are good, else the old ones stay and the log says why. */
  check(): void
  stop(): void
}

interface Dependencies {
  readonly files: CertificateFiles
  readonly clock: Clock
  readonly log: Pick<Logger, 'info' | 'error'>
  /** Hears of new certificates, so that new connections get them. */
  readonly onChange: (certificates: Certificates) => void
}

/** Reads the files and watches them. Throws where they cannot be used now: the configuration has checked them just before. */
export function createCertificateKeeper({ files, clock, log, onChange }: Dependencies): CertificateKeeper {
  const first = readCertificates(files)
  if (isCertificateFault(first)) throw new Error(`${files[first.file]}: ${first.message}`)
  let current = first
  let lastFault: CertificateFault | undefined
  const check = (): void => {
    const read = readCertificates(files)
    const fault = isCertificateFault(read) ? read : findExpired(read, current, clock.now())
    // Said once, and not each time that somebody looks.
    if (fault && !isDeepStrictEqual(fault, lastFault)) {
      log.error({ file: files[fault.file], why: fault.message }, 'certificates not reloaded: the old ones go on')
    }
    lastFault = fault
    if (isCertificateFault(read)) return
    // The authorities are taken all the same: one that was taken out must not be believed any longer.
    const next = fault ? { ...read, identity: current.identity } : read
    if (isSame(next, current)) return
    current = next
    onChange(next)
    log.info({ files: Object.values(files) }, 'certificates reloaded')
  }
  const paths = Object.values(files).filter((path) => path !== undefined)
  const stop = paths.length === 0 ? () => {} : watchFiles(paths, check)
  return {
    get current() {
      return current
    },
    check,
    stop,
  }
}

/** An expired certificate takes the place of no good one: it is a mistake, such as an old copy. */
function findExpired(read: Certificates, current: Certificates, now: Seconds): CertificateFault | undefined {
  if (describeExpiry(current.identity, now) !== undefined) return undefined
  const message = describeExpiry(read.identity, now)
  return message === undefined ? undefined : { file: 'cert', message }
}

const isSame = (one: Certificates, other: Certificates): boolean =>
  isDeepStrictEqual(one.identity, other.identity) && one.authoritiesPem === other.authoritiesPem
