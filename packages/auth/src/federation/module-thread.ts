import { Worker } from 'node:worker_threads'
import type { JsonObject } from '@gatehouse/core/json'
import { ProviderFailure } from './provider-failure.ts'

/** What a module may export. */
export const moduleDoors = ['check', 'refresh', 'start', 'finish'] as const
/** One of its functions. */
export type ModuleDoor = (typeof moduleDoors)[number]

/** What a thread is started with. */
export interface ModuleStart {
  /** Of the module: `file:`. */
  readonly url: string
  readonly settings: JsonObject
  readonly doors: readonly ModuleDoor[]
}
/** What it is asked: one thing at a time. */
export interface ModuleCall {
  /** Comes back with the answer. */
  readonly id: number
  readonly door: ModuleDoor
  readonly input: JsonObject
}
/** What it answers: first what it exports, then to each call JSON; or why it cannot. */
export type ModuleAnswer =
  | { readonly id: number; readonly doors: readonly ModuleDoor[] }
  | { readonly id: number; readonly text: string }
  | { readonly id: number; readonly failure: string }

/** Memory of a thread's own heap, in MiB. */
const resourceLimits = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8, stackSizeMb: 2 }
/** How long a module may take to load, in milliseconds. */
const loadMs = 5000
/** The longest answer, in characters. */
const longest = 100_000

interface ThreadParts {
  readonly module: ModuleStart
  /** The thread's program; beside this file, or beside the bundle that this file has become part of. */
  readonly program?: URL
}

/**
 * One thread with a module in it, that does one thing at a time. It is ended for the first thing that is not as it should be,
 * so that nothing which has gone wrong once is asked again. Cost: a thread and its heap, which ends at 64 MiB.
 * Threats: code that loops, that eats memory, that ends the process, that never answers.
 */
export class ModuleThread {
  readonly #thread: Worker
  #settle: { readonly resolve: (answer: ModuleAnswer) => void; readonly reject: (error: Error) => void } | undefined
  /** Of the call that is under way; loading is the first. */
  #id = 0
  #isOver = false

  private constructor({ module, program = new URL('./module-worker.mjs', import.meta.url) }: ThreadParts) {
    this.#thread = new Worker(program, {
      // Neither the process's flags nor its environment, where secrets are; nor what it prints, which might be a password.
      ...{ workerData: module, resourceLimits, execArgv: [], env: {}, argv: [] },
      ...{ stdin: false, stdout: true, stderr: true },
    })
    this.#thread.stdout.resume()
    this.#thread.stderr.resume()
    this.#thread.on('message', (answer: ModuleAnswer) => {
      if (this.#isOver) return
      const settle = this.#settle
      // Something that nobody asked for would be taken for the answer to somebody else's call.
      if (!settle || answer.id !== this.#id) return this.end()
      this.#settle = undefined
      settle.resolve(answer)
    })
    const lose = (why: string, cause?: unknown): void => {
      this.#isOver = true
      this.#settle?.reject(new ProviderFailure('invalid_answer', why, cause))
      this.#settle = undefined
    }
    this.#thread.on('error', (error: NodeJS.ErrnoException) => {
      lose(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'the module took more memory than it may' : 'the module failed')
    })
    this.#thread.on('messageerror', () => this.end())
    this.#thread.on('exit', () => lose('the module ended its thread'))
  }

  /** Starts a thread and loads the module. Throws `unavailable` where that takes too long, and `misconfigured` where it fails. */
  static async start(parts: ThreadParts): Promise<{ thread: ModuleThread; doors: ReadonlySet<ModuleDoor> }> {
    const thread = new ModuleThread(parts)
    const answer = await thread.#within(loadMs, 'to load')
    if ('doors' in answer) {
      thread.#thread.unref()
      return { thread, doors: new Set(moduleDoors.filter((door) => answer.doors.includes(door))) }
    }
    thread.end()
    throw new ProviderFailure('misconfigured', 'failure' in answer ? `the module: ${answer.failure}` : 'not a module')
  }

  /** Whether nothing can be asked any more. */
  get isOver(): boolean {
    return this.#isOver
  }

  /**
   * The JSON that the module answers. Throws `unavailable` where it takes too long, and `invalid_answer` where it throws, ends
   * or says too much: that may be the matter of one name. The thread then ends.
   */
  async call(call: Omit<ModuleCall, 'id'>, limitMs: number): Promise<string> {
    if (this.#isOver) throw new ProviderFailure('unavailable', 'the module has ended').at('unasked')
    this.#thread.ref()
    const answered = this.#within(limitMs, 'to answer')
    this.#id += 1
    this.#thread.postMessage({ ...call, id: this.#id } satisfies ModuleCall)
    const answer = await answered
    this.#thread.unref()
    if ('text' in answer && typeof answer.text === 'string' && answer.text.length <= longest) return answer.text
    this.end()
    const detail = 'failure' in answer ? `the module: ${answer.failure}` : 'the module: its answer is too long'
    throw new ProviderFailure('invalid_answer', detail)
  }

  /** Ends the thread; what is under way fails. */
  end(): void {
    this.#isOver = true
    void this.#thread.terminate()
  }

  #within(limitMs: number, what: string): Promise<ModuleAnswer> {
    return new Promise<ModuleAnswer>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#settle = undefined
        this.end()
        reject(new ProviderFailure('unavailable', `the module took too long ${what}`))
      }, limitMs)
      const settled =
        <T>(then: (value: T) => void) =>
        (value: T): void => {
          clearTimeout(timer)
          then(value)
        }
      this.#settle = { resolve: settled(resolve), reject: settled(reject) }
    })
  }
}
