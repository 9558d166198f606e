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
    // One more than vitest would take: much of what runs here waits.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
})
