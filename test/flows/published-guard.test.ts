import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createSite, postForm, root, type Site } from './running-program.ts'

/** A project of somebody else's, with nothing but the published package in it. */
const project = mkdtempSync(join(tmpdir(), 'gatehouse-guard-'))
let site: Site

beforeAll(async () => {
  execFileSync(process.execPath, [join(root, 'scripts/build-guard.mjs')], { cwd: root })
  const modules = join(project, 'node_modules')
  const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', project], {
    cwd: join(root, 'packages/guard'),
    encoding: 'utf8',
  }).trim()
  mkdirSync(join(modules, '@gatehouse/guard'), { recursive: true })
  execFileSync('tar', ['-xzf', join(project, packed), '--strip-components=1', '-C', join(modules, '@gatehouse/guard')])
  cpSync(join(root, 'node_modules/lru-cache'), join(modules, 'lru-cache'), { recursive: true, dereference: true })
  site = await createSite()
  site.configure(`issuer: http://localhost:${site.port}\nlisten: 127.0.0.1:${site.port}\n`)
  await site.start(['dev'])
})
afterAll(async () => {
  await site?.remove()
  rmSync(project, { recursive: true, force: true })
})

const runScript = (script: string): string => {
  writeFileSync(join(project, 'service.mjs'), script)
  return execFileSync(process.execPath, ['service.mjs'], { cwd: project, encoding: 'utf8' })
}

it('verifies a token of a running Gatehouse in a project that knows nothing else of it', async () => {
  const issuer = `http://localhost:${site.port}`
  const headers = { authorization: `Basic ${Buffer.from('demo-service:demo-service-secret').toString('base64')}` }
  const { access_token } = (await postForm(`${issuer}/oauth/token`, { grant_type: 'client_credentials' }, headers)).json
  const output = runScript(`
    import { createGuard } from '@gatehouse/guard'
    const guard = createGuard({ issuer: '${issuer}', audience: '${issuer}' })
    const { subject, kind } = await guard.check('${access_token}', { scopes: ['orders:read'] })
    const refused = await guard.check('${access_token}', { scopes: ['admin'] }).catch((error) => error.code)
    console.log(JSON.stringify({ subject, kind, refused }))
  `)
  expect(JSON.parse(output)).toEqual({ subject: 'demo-service', kind: 'client', refused: 'insufficient_scope' })
})

it('has an adapter for each framework, and types', () => {
  const names = ['express', 'fastify', 'hono', 'koa', 'next', 'node']
  const imports = names.map((name) => `import * as ${name} from '@gatehouse/guard/adapters/${name}'`).join('\n')
  expect(
    runScript(`${imports}\nconsole.log([${names.join()}].every((adapter) => Object.keys(adapter).length > 0))`),
  ).toBe('true\n')
  const files = execFileSync('npm', ['pack', '--dry-run', '--json'], {
    cwd: join(root, 'packages/guard'),
    encoding: 'utf8',
  })
  const paths = (JSON.parse(files) as { files: { path: string }[] }[])[0]?.files.map(({ path }) => path) ?? []
  for (const name of names) expect(paths).toContain(`dist/adapters/${name}.d.mts`)
  expect(paths.some((path) => path.includes('src/') || path.includes('test'))).toBe(false)
})
