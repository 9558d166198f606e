// `npm run build:guard`: makes packages/guard/dist as it is published: JavaScript and types, as modules and for CommonJS, with
// Gatehouse's own words inside, so that a service installs one package and lru-cache.
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'tsdown'
import { root } from './prepare.mjs'

const adapters = ['express', 'fastify', 'hono', 'koa', 'next', 'node']

const dist = join(root, 'packages/guard/dist')
// The type check keeps its own files there.
const others = existsSync(dist) ? readdirSync(dist).filter((name) => name !== 'types') : []
for (const name of others) rmSync(join(dist, name), { recursive: true, force: true })

await build({
  cwd: join(root, 'packages/guard'),
  entry: {
    index: 'src/index.ts',
    testing: 'src/testing/index.ts',
    ...Object.fromEntries(adapters.map((name) => [`adapters/${name}`, `src/adapters/${name}.ts`])),
  },
  outDir: 'dist',
  format: ['esm', 'cjs'],
  platform: 'node',
  target: 'node20.19',
  logLevel: 'error',
  clean: false,
  fixedExtension: true,
  dts: { build: true },
  deps: { alwaysBundle: [/^@gatehouse\/core/], neverBundle: ['lru-cache'] },
  inputOptions: { resolve: { conditionNames: ['gatehouse-source', 'node'] } },
})
