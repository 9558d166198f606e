import { Worker } from 'node:worker_threads'
import { buildUnavailable } from '@gatehouse/core/errors'
import type { Options as Argon2Options } from '@node-rs/argon2'

/** A stored hash, taken apart as far as its check needs it; argon2 and bcrypt read theirs on their own. */
export type StoredHash =
  | { readonly kind: 'argon2' | 'bcrypt'; readonly hash: string }
  | {
      readonly kind: 'scrypt'
      readonly cost: { readonly N: number; readonly r: number; readonly p: number; readonly maxmem: number }
      readonly salt: Uint8Array
      readonly expected: Uint8Array
    }
  | {
      readonly kind: 'pbkdf2'
      readonly digest: string
      readonly iterations: number
      readonly salt: Uint8Array
      readonly expected: Uint8Array
    }

/** What a thread is sent. The password is UTF-8; the thread wipes it once it is done with it, and who has made the job where no thread got it. */
export type HashJob = { readonly password: Uint8Array<ArrayBuffer> } & (
  | { readonly kind: 'make'; readonly options: Argon2Options }
  | StoredHash
)

/** What a thread answers to each: a PHC string or whether the password is right; or why it could not tell. */
export type HashAnswer = { readonly result: string | boolean } | { readonly failure: string }

/** A new hash of this password. */
export const jobToMake = (password: string, options: Argon2Options): HashJob => ({
  kind: 'make',
  password: encode(password),
  options,
})

/** Whether this password is that of a stored hash. */
export const jobToCheck = (password: string, stored: StoredHash): HashJob => ({ ...stored, password: encode(password) })

const encode = (password: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(password)

/** Memory of a thread's own heap, in MiB; what hashes work on lies outside of it. */
const resourceLimits = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 }

/**
 * The threads that compute hashes, below the priority of the loop that answers requests where the system knows one per
 * thread. One is started when a hash finds none idle, so as many as run at a time and none before the first. They do not
 * keep the process from ending, but while a hash runs.
 * Error: `temporarily_unavailable` for the hashes whose thread has died, and for all after {@link HashWorkers.close}.
 */
export class HashWorkers {
  readonly #url: URL
  readonly #all = new Set<HashWorker>()
  readonly #idle: HashWorker[] = []
  #isClosed = false

  /** @param url the thread's program; beside this file, or beside the bundle that this file has become part of */
  constructor(url = new URL('./hash-worker.mjs', import.meta.url)) {
    this.#url = url
  }

  /** How many threads there are. */
  get size(): number {
    return this.#all.size
  }

  /**
   * Computes these one after the other in one thread and answers all at once, in the same order. A job that cannot be computed
   * says so in its answer and does not hold up the others.
   */
  async compute(jobs: readonly HashJob[]): Promise<readonly HashAnswer[]> {
    if (this.#isClosed) throw buildUnavailable()
    const worker = this.#idle.pop() ?? this.#start()
    const answers = await worker.compute(jobs)
    // It may have died right after its answer, before this went on: nobody would ever hear from it again.
    if (this.#all.has(worker)) this.#idle.push(worker)
    return answers
  }

  /** Ends the threads. Resolves once they are gone; one that computes ends after that hash, whose answer nobody gets. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#all].map((worker) => worker.end()))
  }

  #start(): HashWorker {
    const worker = new HashWorker(this.#url, () => {
      this.#all.delete(worker)
      const place = this.#idle.indexOf(worker)
      if (place >= 0) this.#idle.splice(place, 1)
    })
    this.#all.add(worker)
    return worker
  }
}

/** One thread, with one handful of jobs at a time. */
class HashWorker {
  readonly #thread: Worker
  #settle:
    | { readonly resolve: (answers: readonly HashAnswer[]) => void; readonly reject: (error: Error) => void }
    | undefined

  constructor(url: URL, onEnd: () => void) {
    // Flags of the process, such as a loader that it was started with, are nothing that the thread needs.
    this.#thread = new Worker(url, { execArgv: [], resourceLimits })
    this.#thread.on('message', (answers: readonly HashAnswer[]) => {
      this.#thread.unref()
      this.#settle?.resolve(answers)
      this.#settle = undefined
    })
    const lose = (cause: Error): void => {
      onEnd()
      this.#settle?.reject(buildUnavailable(cause))
      this.#settle = undefined
    }
    this.#thread.on('error', lose)
    this.#thread.on('exit', (code) => lose(new Error(`A thread for password hashes ended with code ${code}`)))
  }

  compute(jobs: readonly HashJob[]): Promise<readonly HashAnswer[]> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
      this.#thread.ref()
      // Handed over, not copied: nothing of the passwords' bytes stays on this side.
      this.#thread.postMessage(
        jobs,
        jobs.map((job) => job.password.buffer),
      )
    })
  }

  end(): Promise<unknown> {
    return this.#thread.terminate()
  }
}
