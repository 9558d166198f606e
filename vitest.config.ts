import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

// Tests run the sources of every package; a build is not needed.
const conditions = ['gatehouse-source', 'node']
/** Also what needs foreign programs, which runs with `npm run test:all`. */
const isAll = process.env.GATEHOUSE_INTEROP !== undefined
const processors = availableParallelism()

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'examples/*/src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: isAll ? [] : ['test/interop/**', 'test/browser/**'],
    // Files that run in one process share its modules, which takes a quarter of the time off: what a test changes in its process
    // it puts back. Spies and the environment are put back for it, also where it fails. A browser's tests judge each page
    // once in a process, and each of their files has pages of its own.
    isolate: isAll,
    restoreMocks: true,
    unstubEnvs: true,
    // One more than there are processors: much of what runs here waits. Browsers and foreign servers do not wait.
    maxWorkers: isAll ? Math.max(2, processors - 1) : processors + 1,
    // For what hangs: a machine that is three times as slow as usual, and does other things besides, fails no test.
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})
