// `npm start`: Gatehouse in development mode in front of the example shop.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { checkNode, ensureBuilt, ensureInstalled, root } from './prepare.mjs'

checkNode()
await ensureInstalled()
await ensureBuilt()

// The example's data lies under this folder, and not beside its file.
process.env.GATEHOUSE_DATABASE ??= './data/gatehouse.db'

const run = (file, args = []) => spawn(process.execPath, [join(root, file), ...args], { cwd: root, stdio: 'inherit' })

const shop = run('examples/shop/dist/shop.mjs')
const gatehouse = run('packages/gatehouse/dist/gatehouse.mjs', ['dev', '--config', 'examples/shop/gatehouse.yaml'])

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => gatehouse.kill('SIGTERM'))
shop.on('exit', (code) => {
  if (!code) return
  process.exitCode = code
  gatehouse.kill('SIGTERM')
})
gatehouse.on('exit', (code) => {
  shop.kill('SIGTERM')
  process.exitCode ||= code ?? 0
})
