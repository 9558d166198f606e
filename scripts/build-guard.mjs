// `npm run build:guard`: makes packages/guard/dist as it is published: JavaScript and types, with Gatehouse's own words
// inside, so that a service installs one package and lru-cache.
import { join } from 'node:path'
import { build } from 'tsdown'
import { root } from './prepare.mjs'

const adapters = ['express', 'fastify', 'hono', 'koa', 'next', 'node']

await build({
  cwd: join(root, 'packages/guard'),
  entry: {
    index: 'src/index.ts',
    testing: 'src/testing/index.ts',
    ...Object.fromEntries(adapters.map((name) => [`adapters/${name}`, `src/adapters/${name}.ts`])),
  },
  outDir: 'dist',
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  logLevel: 'error',
  // The type check keeps its own files there.
  clean: false,
  fixedExtension: true,
  dts: { build: true },
  deps: { alwaysBundle: [/^@gatehouse\/core/], neverBundle: ['lru-cache'] },
  inputOptions: { resolve: { conditionNames: ['gatehouse-source', 'node'] } },
})
