// Bundles the program into packages/gatehouse/dist and the example into examples/shop/dist. Types are checked apart
// (`npm run typecheck`), so that a start need not wait for them.
import { join } from 'node:path'
import { bundle, root } from './bundle.mjs'

await bundle({
  folder: 'packages/gatehouse',
  entry: { gatehouse: 'src/main.ts' },
  outDir: join(root, 'packages/gatehouse/dist'),
})
await bundle({ folder: 'examples/shop', entry: { shop: 'src/main.ts' }, outDir: join(root, 'examples/shop/dist') })
