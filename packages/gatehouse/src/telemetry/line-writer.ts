import { constants, fstatSync, openSync, write, writeSync } from 'node:fs'

/** Characters that wait for a reader that is too slow; past it lines are dropped, and the service goes on. */
const mostWaiting = 16_777_216
/** Characters that go in one write: no more than the buffers of those who collect logs. */
const mostAtOnce = 16_384
/** Milliseconds before a reader that takes nothing just now is tried again: from the first, twice as long each time. */
const [firstPause, longestPause] = [1, 100]
/** The same as the process ends, when nothing else is done meanwhile. */
const longestHold = 5
/** Milliseconds that the end of the process waits for a slow reader of its lines, and then for what it still has to take. */
const [endPatience, lastPatience] = [500, 200]
/** Milliseconds for which lines are dropped unseen once one could not be written: a full disk need not be asked for each. */
const failurePause = 1000
/** Milliseconds after which a write that has not come back is one that never will. */
const stuckAfter = 400

/** What was lost while lines could not be written. */
export interface LostLines {
  readonly lines: number
  /** The code of the system, or `slow`: nobody read them in time. */
  readonly reason: string
}

/** The system calls that a writer makes; tests have others. */
export interface LineSystem {
  write(fd: number, bytes: Uint8Array, done: (error: NodeJS.ErrnoException | null, written: number) => void): void
  writeNow(fd: number, bytes: Uint8Array): number
  /** Ends this process, where it could not be ended otherwise. */
  kill(): void
}

const system: LineSystem = {
  write: (fd, bytes, done) => write(fd, bytes, done),
  writeNow: (fd, bytes) => writeSync(fd, bytes),
  kill: () => process.kill(process.pid, 'SIGKILL'),
}

const isBusy = (error: NodeJS.ErrnoException): boolean => error.code === 'EAGAIN' || error.code === 'EBUSY'

/**
 * Writes lines in order, without anybody waiting for it: at once where a write does not wait for a reader, so that a crash loses
 * none and mixes none up, and else by a thread. What cannot be written, since the disk is full, the terminal has
 * gone or nobody reads, is dropped and counted, and tried again with what comes later: never an error for who writes.
 */
export class LineWriter {
  readonly #fd: number
  readonly #system: LineSystem
  readonly #isPrompt: boolean
  readonly #idle = new Set<() => void>()
  #chunks: string[] = []
  #waiting = 0
  #rest: Uint8Array | undefined
  #writingSince: number | undefined
  #isWriting = false
  #timer: NodeJS.Timeout | undefined
  #pause = firstPause
  #failedUntil = 0
  #isInLine = false
  #dropped = 0
  #lost: { lines: number; reason: string } | undefined
  /** Hears what was lost, once lines can be written again. */
  onWritable: (lost: LostLines) => void = () => {}

  /** `isPrompt`: a write to it comes back at once, whoever reads. */
  constructor(fd: number, isPrompt: boolean, calls: LineSystem = system) {
    this.#fd = fd
    this.#isPrompt = isPrompt
    this.#system = calls
  }

  /** Lines that were not written, since the start. */
  get dropped(): number {
    return this.#dropped
  }

  /** Takes whole lines, each with its end. */
  write(lines: string): void {
    if (this.#failedUntil > 0 && performance.now() < this.#failedUntil) return this.#drop(lines)
    if (this.#waiting + lines.length > mostWaiting) return this.#drop(lines, 'slow')
    const last = this.#chunks.length - 1
    const before = this.#chunks[last]
    if (before !== undefined && before.length + lines.length <= mostAtOnce) this.#chunks[last] = before + lines
    else this.#chunks.push(lines)
    this.#waiting += lines.length
    this.#next()
  }

  /** Resolves when all is written or dropped, or so many milliseconds have passed. */
  async drain(milliseconds: number): Promise<void> {
    if (this.#isIdle) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds)
      this.#idle.add(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  /**
   * Writes what waits, as the process ends, and gives a reader that takes nothing just now so many milliseconds for all of it. A
   * write that does not come back would keep the process from ending for ever, since its thread is waited for: then it is killed.
   */
  end(patience = endPatience): void {
    if (this.#writingSince !== undefined && performance.now() - this.#writingSince > stuckAfter) this.#system.kill()
    // What is under way is ended by its thread.
    const rest = this.#writingSince === undefined ? this.#rest : undefined
    const left = Buffer.concat([rest ?? Buffer.alloc(0), Buffer.from(this.#chunks.join(''))])
    this.#forget()
    const until = performance.now() + patience
    let pause = firstPause
    for (let at = 0; at < left.length; ) {
      try {
        at += this.#system.writeNow(this.#fd, left.subarray(at))
        pause = firstPause
      } catch (error) {
        // Whoever should read it is away, and the process ends.
        if (!isBusy(error as NodeJS.ErrnoException) || performance.now() > until) return
        Atomics.wait(neverWoken, 0, 0, pause)
        pause = Math.min(pause * 2, longestHold)
      }
    }
  }

  /** Gives up what waits, where to write it now could hold the process for ever, as a write that is still under way would. */
  giveUp(): void {
    if (this.#isPrompt) return this.end(lastPatience)
    this.#forget()
    if (this.#writingSince !== undefined) this.#system.kill()
  }

  get #isIdle(): boolean {
    return this.#waiting === 0 && this.#rest === undefined && this.#writingSince === undefined
  }

  #next(): void {
    if (this.#isWriting || this.#writingSince !== undefined || this.#timer !== undefined) return
    if (this.#isPrompt) return this.#writeHere()
    const bytes = this.#take()
    if (bytes === undefined) return
    this.#writingSince = performance.now()
    this.#system.write(this.#fd, bytes, (error, written) => {
      this.#writingSince = undefined
      if (this.#wrote(error, written)) this.#next()
    })
  }

  #writeHere(): void {
    // Who hears of lost lines may write one.
    this.#isWriting = true
    let goesOn = true
    while (goesOn) {
      const bytes = this.#take()
      if (bytes === undefined) break
      let [error, written]: [NodeJS.ErrnoException | null, number] = [null, 0]
      try {
        written = this.#system.writeNow(this.#fd, bytes)
      } catch (thrown) {
        error = thrown as NodeJS.ErrnoException // nothing else is thrown by a system call
      }
      goesOn = this.#wrote(error, written)
    }
    this.#isWriting = false
  }

  /** What is to be written next. */
  #take(): Uint8Array | undefined {
    if (this.#rest !== undefined) return this.#rest
    const chunk = this.#chunks.shift()
    if (chunk === undefined) {
      this.#rested()
      return undefined
    }
    this.#waiting -= chunk.length
    // Of a line that was cut off by a failure no half is left before this one.
    this.#rest = Buffer.from(this.#isInLine ? `\n${chunk}` : chunk)
    return this.#rest
  }

  /** Notes what became of a write; returns whether the next may follow. */
  #wrote(error: NodeJS.ErrnoException | null, written: number): boolean {
    if (error && isBusy(error)) {
      this.#timer = setTimeout(() => {
        this.#timer = undefined
        this.#next()
      }, this.#pause)
      this.#pause = Math.min(this.#pause * 2, longestPause)
      return false
    }
    this.#pause = firstPause
    if (error) {
      this.#fail(error.code ?? error.message)
      return false
    }
    const bytes = this.#rest
    if (bytes !== undefined) {
      this.#isInLine = written > 0 ? bytes[written - 1] !== newLine : this.#isInLine
      this.#rest = written < bytes.length ? bytes.subarray(written) : undefined
    }
    this.#failedUntil = 0
    if (this.#rest === undefined && this.#lost && this.#waiting < mostWaiting / 2) {
      const lost = this.#lost
      this.#lost = undefined
      this.onWritable(lost)
    }
    return true
  }

  #forget(): void {
    this.#chunks = []
    this.#waiting = 0
    this.#rest = undefined
  }

  #fail(reason: string): void {
    this.#failedUntil = performance.now() + failurePause
    const lines = `${this.#rest === undefined ? '' : Buffer.from(this.#rest).toString()}${this.#chunks.join('')}`
    this.#forget()
    this.#drop(lines, reason)
    this.#rested()
  }

  #drop(lines: string, reason = this.#lost?.reason ?? ''): void {
    const count = lines.split('\n').length - 1
    this.#dropped += count
    this.#lost = { lines: (this.#lost?.lines ?? 0) + count, reason }
  }

  #rested(): void {
    for (const done of this.#idle) done()
    this.#idle.clear()
  }
}

const newLine = 0x0a

/** A cell that nobody wakes: to wait without anything else being run. */
const neverWoken = new Int32Array(new SharedArrayBuffer(4))

/** A writer of one of the standard streams, which writes what waits as the process ends. */
function openStandard(fd: number): LineWriter {
  const own = openWithoutWaiting(fd)
  const writer = new LineWriter(own ?? fd, own !== undefined)
  process.once('exit', () => writer.end())
  return writer
}

/**
 * A file as it is, and a pipe by an opening of its own that does not wait for its reader, where the system has one: a reader that
 * stands still then holds nobody. Not by a flag on the one that is there, which is shared with others. `undefined` for anything
 * else: terminals, sockets.
 */
function openWithoutWaiting(fd: number): number | undefined {
  try {
    const found = fstatSync(fd)
    if (found.isFile()) return fd
    return found.isFIFO() ? openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK) : undefined
  } catch {
    return undefined
  }
}

let output: LineWriter | undefined
let errors: LineWriter | undefined

/** Standard output of a process that serves. */
export const standardOutput = (): LineWriter => {
  output ??= openStandard(1)
  return output
}

/** Standard error of a process that serves. */
export const standardError = (): LineWriter => {
  errors ??= openStandard(2)
  return errors
}

/** Lines for standard output and standard error that were dropped since the start. */
export const countDroppedLines = (): number => (output?.dropped ?? 0) + (errors?.dropped ?? 0)

/** Ends the process, with its last lines written where somebody takes them; within a second in any case. */
export async function endProcess(code: number): Promise<never> {
  await Promise.all([output?.drain(endPatience), errors?.drain(endPatience)])
  output?.giveUp()
  errors?.giveUp()
  process.exit(code)
}
