import { GatehouseError } from '@gatehouse/core/errors'
import type { BreachedPasswords } from './breached-passwords.ts'
import { type HashLimits, HashQueue } from './hash-queue.ts'
import { type HashAnswer, type HashJob, HashWorkers, jobToCheck, jobToMake, type StoredHash } from './hash-workers.ts'
import { parseImportedHash } from './imported-hashes.ts'

/** argon2id parameters: memory in KiB, passes, lanes. */
export interface HashParameters {
  readonly memory: number
  readonly passes: number
  readonly lanes: number
}

/** What OWASP's password storage cheat sheet asks for at the least. */
export const defaultHashParameters: HashParameters = { memory: 19_456, passes: 2, lanes: 1 }

/** Greatest password, in bytes of UTF-8. */
export const passwordByteLimit = 1024

/** How passwords are hashed. */
export interface HashOptions extends HashLimits {
  readonly parameters?: HashParameters
  /** Threads that others use too and end; left out: threads of its own. */
  readonly workers?: HashWorkers
}

/** The outcome of a check; `rehash` = right, but the stored hash is of another format or weaker than today's. */
export type PasswordOutcome = 'wrong' | 'right' | 'rehash'

/** Hashes and checks passwords, on threads of their own and so many at a time. */
export interface Passwords {
  /** A PHC string. Cost: one hash. */
  hash(password: string): Promise<string>
  /**
   * Checks a password against a stored hash; with null it costs the same one hash and is wrong, so that the time does not
   * tell whether the account exists. Errors: `temporarily_unavailable` when the queue is full.
   */
  check(password: string, hash: string | null): Promise<PasswordOutcome>
  /** Whether a password is known from a breach, as far as that can be found out. */
  isBreached(password: string): Promise<boolean>
  /** What the service is called by those who use it: nobody's password may lean on it. */
  readonly serviceNames: readonly string[]
  /** How many hashes run or wait. */
  readonly depth: number
  /** Ends the threads, where they are its own; what is hashed or waits on them fails with `temporarily_unavailable`. */
  close(): Promise<void>
}

/** The `Algorithm.Argon2id` of the library, whose enum does not exist at run time. */
const argon2id = 2

export interface PasswordOptions extends HashOptions {
  readonly breached?: BreachedPasswords
  /** What the service is called beside Gatehouse; read at each use, since a reload may change it. */
  readonly brandName?: () => string
}

export function createPasswords(options: PasswordOptions): Passwords {
  const parameters = options.parameters ?? defaultHashParameters
  const workers = options.workers ?? new HashWorkers()
  const queue = new HashQueue<HashJob, HashAnswer>(options, (jobs) => workers.compute(jobs))
  const settings = {
    algorithm: argon2id,
    memoryCost: parameters.memory,
    timeCost: parameters.passes,
    parallelism: parameters.lanes,
  }
  // Same parameters, a salt and a tag of zeros: nobody's hash, and its check costs what a real one costs.
  const dummy = `$argon2id$v=19$m=${parameters.memory},t=${parameters.passes},p=${parameters.lanes}$${'A'.repeat(22)}$${'A'.repeat(43)}`

  /** `T` is what hash-worker.mjs answers to jobs of this kind. */
  const run = async <T extends string | boolean>(job: HashJob): Promise<T> => {
    const answer = await queue.run(job).catch((error: unknown) => {
      // Nothing is left of it here where a thread has got it; where none has, nobody else wipes it.
      if (job.password.length > 0) job.password.fill(0)
      throw error
    })
    if ('failure' in answer) throw new GatehouseError('server_error', { cause: new Error(answer.failure) })
    return answer.result as T // see above
  }
  const isRight = (password: string, stored: StoredHash): Promise<boolean> => run<boolean>(jobToCheck(password, stored))

  return {
    hash: async (password) => run<string>(jobToMake(normalizePassword(password), settings)),
    async check(password, stored) {
      const text = normalizePassword(password)
      const imported = stored === null ? undefined : parseImportedHash(stored)
      if (imported) return (await isRight(text, imported)) ? 'rehash' : 'wrong'
      const known = stored !== null && isArgon2(stored)
      const hash = known ? stored : dummy
      const right = await isRight(text, { kind: 'argon2', hash })
      if (!known || !right) return 'wrong'
      return isAsStrong(stored, parameters) ? 'right' : 'rehash'
    },
    isBreached: async (password) => (await options.breached?.includes(password)) ?? false,
    get serviceNames() {
      return ['gatehouse', ...(options.brandName ? [options.brandName()] : [])]
    },
    get depth() {
      return queue.depth
    },
    close: async () => {
      if (!options.workers) await workers.close()
    },
  }
}

/**
 * The one form in which a password is hashed (Unicode NFC). Longer than 1024 bytes is `invalid_request`, before any hash.
 */
export function normalizePassword(password: string): string {
  if (password.length > passwordByteLimit || Buffer.byteLength(password) > passwordByteLimit) {
    throw new GatehouseError('invalid_request', { description: 'The field password must be at most 1024 bytes' })
  }
  return password.normalize('NFC')
}

const phc = /^\$argon2(id|i|d)\$v=(\d+)\$m=(\d+),t=(\d+),p=(\d+)\$[\w+/]+\$[\w+/]+$/

const isArgon2 = (hash: string): boolean => phc.test(hash)

/** Whether a hash is one that {@link Passwords.check} can check: for imports, which refuse the rest. */
export const isKnownHash = (hash: string): boolean => isArgon2(hash) || parseImportedHash(hash) !== undefined

function isAsStrong(hash: string, wanted: HashParameters): boolean {
  const [, kind, version, memory, passes] = phc.exec(hash) ?? []
  return kind === 'id' && version === '19' && Number(memory) >= wanted.memory && Number(passes) >= wanted.passes
}
