import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

// Tests run the sources of every package; a build is not needed.
const conditions = ['gatehouse-source', 'node']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'examples/*/src/**/*.test.ts', 'test/**/*.test.ts'],
    // What needs foreign programs runs with `npm run test:all`.
    exclude: process.env.GATEHOUSE_INTEROP ? [] : ['test/interop/**', 'test/browser/**'],
    // Files that run in one process share its modules, which takes a quarter of the time off: what a test changes in its process
    // it puts back. Spies and the environment are put back for it, also where it fails.
    isolate: false,
    restoreMocks: true,
    unstubEnvs: true,
    // One more than there are processors: much of what runs here waits.
    maxWorkers: availableParallelism() + 1,
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
})
