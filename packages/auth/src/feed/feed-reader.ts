import type { ServerResponse } from 'node:http'
import { buildCurrentFrame, heartbeatFrame, openingFrame } from './feed-frames.ts'
import type { FeedLog } from './feed-log.ts'
import type { FeedSnapshot } from './feed-snapshot.ts'

/** What of an answer a reader is written to. */
export type FeedStream = Pick<ServerResponse, 'write' | 'end' | 'destroy' | 'once' | 'on'>

/**
 * One reader of the feed. What it has been told is a number, so that one that does not drain costs no queue: when it drains
 * it is told what came meanwhile.
 */
export class FeedReader {
  readonly clientId: string
  readonly startedAt = performance.now()
  readonly #stream: FeedStream
  readonly #log: FeedLog
  /** Everything up to here has been told; undefined until the snapshot is out. */
  #toldUpTo: number | undefined
  /** What of the snapshot is still to be told. */
  #snapshot: { readonly frames: readonly Buffer[]; readonly seq: number; next: number } | undefined
  #toldCurrent = false
  /** Since when it does not take what it is sent, in milliseconds of the process. */
  #stuckSince: number | undefined
  #isOver = false

  constructor(clientId: string, stream: FeedStream, log: FeedLog) {
    this.clientId = clientId
    this.#stream = stream
    this.#log = log
    stream.on('drain', () => {
      this.#stuckSince = undefined
      this.#goOn()
    })
    stream.once('close', () => {
      this.#isOver = true
    })
    this.#write(openingFrame)
  }

  /** Begins after a number that the log reaches back to. */
  resume(seq: number): void {
    this.#toldUpTo = seq
    this.#goOn()
  }

  /** Begins with everything. */
  startWith({ frames, seq }: FeedSnapshot): void {
    this.#snapshot = { frames, seq, next: 0 }
    this.#goOn()
  }

  /** New entries: `before` is the number up to which those knew who had everything, `frames` what came after it. */
  tell(before: number, frames: readonly Buffer[]): void {
    // Whoever is behind will be told from the log.
    if (this.#toldUpTo !== before || this.#stuckSince !== undefined) return
    for (const frame of frames) this.#write(frame)
    this.#toldUpTo = this.#log.last
  }

  /** A sign of life; or, for one that has not drained for too long, the end. It resumes where it was. */
  beat(now: number, patience: number): void {
    if (this.#stuckSince === undefined) this.#write(heartbeatFrame)
    else if (now - this.#stuckSince > patience) this.#stream.destroy()
  }

  end(): void {
    this.#isOver = true
    this.#stream.end()
  }

  #goOn(): void {
    if (this.#isOver) return
    const snapshot = this.#snapshot
    while (snapshot && snapshot.next < snapshot.frames.length) {
      if (this.#stuckSince !== undefined) return
      const frame = snapshot.frames[snapshot.next]
      snapshot.next += 1
      if (frame) this.#write(frame)
    }
    if (snapshot) {
      this.#snapshot = undefined
      this.#toldUpTo = snapshot.seq
    }
    if (this.#toldUpTo === undefined) return
    // So slow that the log has gone on: it comes back and gets everything.
    if (!this.#log.reachesBackTo(this.#toldUpTo)) return void this.#stream.destroy()
    if (this.#toldUpTo < this.#log.last) {
      for (const frame of this.#log.framesAfter(this.#toldUpTo)) this.#write(frame)
      this.#toldUpTo = this.#log.last
    }
    if (this.#toldCurrent) return
    this.#toldCurrent = true
    this.#write(buildCurrentFrame(this.#log.lastId))
  }

  #write(frame: Buffer): void {
    if (this.#isOver) return
    if (!this.#stream.write(frame)) this.#stuckSince ??= performance.now()
  }
}
