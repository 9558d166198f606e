import { availableParallelism } from 'node:os'
import { setFlagsFromString } from 'node:v8'

/** How much V8 may write into the place of one call, and into one function in all, in bytes of its bytecode: two and three times its own. */
const inliningLimits = ['--max-inlined-bytecode-size=1000', '--max-inlined-bytecode-size-cumulative=3000']

/**
 * The flags of V8 that `serve` changes, on so many cores. Larger functions are made of what runs most: a request passes through some
 * hundred small ones, many of them Node's and undici's, and V8's own limits leave most of the calls between them in place. Where
 * hardly any core is free, new objects are collected by the thread that made them: it would wait for its helpers to get their turn.
 * See docs/decisions/0034-inlining.md and 0036-collecting-alone.md.
 */
export const v8Flags = (cores: number): readonly string[] =>
  cores <= 2 ? [...inliningLimits, '--no-parallel-scavenge'] : inliningLimits

/** Changes them. V8 reads these whenever it compiles and collects, so that they may be changed in a program that runs; it goes on without one that it does not know. */
export function tuneV8(): void {
  for (const flag of v8Flags(availableParallelism())) setFlagsFromString(flag)
}
