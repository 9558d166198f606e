// `npm run docs`: writes what of docs/ is made from the code. With --check: says whether it is fresh, and changes nothing.
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bundle, root } from './bundle.mjs'

const folder = join(root, '.cache/documents')
mkdirSync(folder, { recursive: true })
await bundle({
  folder: 'packages/gatehouse',
  entry: { documents: 'src/documents/documents.ts' },
  outDir: join(folder, 'dist'),
})
copyFileSync(join(root, 'packages/gatehouse/package.json'), join(folder, 'package.json'))

const { renderDocuments } = await import(pathToFileURL(join(folder, 'dist/documents.mjs')).href)
const check = process.argv.includes('--check')
const stale = []
for (const [path, text] of await renderDocuments(root)) {
  const file = join(root, path)
  if (existsSync(file) && readFileSync(file, 'utf8') === text) continue
  stale.push(path)
  if (!check) writeFileSync(file, text)
}
if (check && stale.length > 0) {
  process.stdout.write(`stale: ${stale.join(', ')}; run: npm run docs\n`)
  process.exitCode = 1
} else {
  process.stdout.write(
    check ? 'generated documents are fresh\n' : `written: ${stale.join(', ') || 'nothing had changed'}\n`,
  )
}
