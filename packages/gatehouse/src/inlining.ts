import { setFlagsFromString } from 'node:v8'

/** How much V8 may write into the place of one call, and into one function in all, in bytes of its bytecode: two and three times its own. */
export const inliningLimits = ['--max-inlined-bytecode-size=1000', '--max-inlined-bytecode-size-cumulative=3000']

/**
 * Lets V8 make larger functions of what runs most. A request passes through some hundred small ones, many of them Node's and
 * undici's, and V8's own limits leave most of the calls between them in place. V8 reads these limits whenever it compiles a
 * function, so that they may be changed in a program that runs; it goes on without one that it does not know. See
 * docs/decisions/0034-inlining.md.
 */
export function allowMoreInlining(): void {
  for (const limit of inliningLimits) setFlagsFromString(limit)
}
