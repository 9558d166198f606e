// Bundles the program into packages/gatehouse/dist, the SDK into packages/guard/dist and the example into
// examples/shop/dist. Types are checked apart (`npm run typecheck`), so that a start need not wait for them.
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'tsdown'
import { root } from './prepare.mjs'

const natives = ['better-sqlite3', '@node-rs/argon2', '@node-rs/bcrypt']
const common = {
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  logLevel: 'warn',
  clean: true,
  fixedExtension: true,
  inputOptions: { resolve: { conditionNames: ['gatehouse-source', 'node'] } },
}

await build({
  ...common,
  cwd: join(root, 'packages/gatehouse'),
  entry: { gatehouse: 'src/main.ts' },
  outDir: 'dist',
  deps: { neverBundle: [...natives, 'pg-native'], alwaysBundle: (id) => !natives.includes(id) && id !== 'pg-native' },
  dts: false,
  sourcemap: true,
})
copyFileSync(
  join(root, 'packages/store/src/sqlite/sqlite-worker.mjs'),
  join(root, 'packages/gatehouse/dist/sqlite-worker.mjs'),
)

await build({
  ...common,
  cwd: join(root, 'examples/shop'),
  entry: { shop: 'src/main.ts' },
  outDir: 'dist',
  deps: { alwaysBundle: () => true },
  dts: false,
})
