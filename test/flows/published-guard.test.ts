import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createSite, postForm, postJson, root, type Site } from './running-program.ts'

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
  const kit = ['mjs', 'd.mts', 'cjs', 'd.cts'].map((ending) => `dist/testing.${ending}`)
  expect(paths).toEqual(expect.arrayContaining(kit))
  const others = paths.filter((path) => !kit.includes(path))
  expect(others.some((path) => path.includes('src/') || path.includes('test'))).toBe(false)
})

it('is there for CommonJS too, with its adapters and its test kit', () => {
  const names = ['', '/testing', '/adapters/express', '/adapters/node']
  writeFileSync(
    join(project, 'service.cjs'),
    `const found = ${JSON.stringify(names)}.map((name) => [require.resolve('@gatehouse/guard' + name), require('@gatehouse/guard' + name)])
    console.log(found.every(([path, exported]) => path.endsWith('.cjs') && Object.keys(exported).length > 0))`,
  )
  expect(execFileSync(process.execPath, ['service.cjs'], { cwd: project, encoding: 'utf8' })).toBe('true\n')
})

it('knows its refusals where one program has loaded it both ways', () => {
  const output = runScript(`
    import { createRequire } from 'node:module'
    import { createTestIssuer } from '@gatehouse/guard/testing'
    const { guardExpress } = createRequire(import.meta.url)('@gatehouse/guard/adapters/express')
    const guard = createTestIssuer({ audience: 'https://api.example.com/orders' }).guard()
    const handle = guardExpress(guard)
    const response = { status: (code) => console.log(code), set() {}, end() {} }
    await handle({ method: 'GET', url: '/', originalUrl: '/', headers: {}, rawHeaders: [], socket: {}, headersDistinct: {} }, response, (error) => console.log('next', error?.name))
  `)
  expect(output).toBe('401\n')
})

/** What a page shows of programs in TypeScript and JavaScript that use the package. */
const readBlocks = (page: string) =>
  [...readFileSync(join(root, page), 'utf8').matchAll(/^```([jt]s)\b.*\n([\s\S]*?)^```$/gm)]
    .map(([, language = '', text = '']) => ({ language, text }))
    .filter(({ text }) => text.includes('createGuard') || text.includes('@gatehouse/guard'))

const ownGuard = `import { createGuard } from '@gatehouse/guard'
  const guard = createGuard({ issuer: 'https://auth.example.com', audience: 'https://api.example.com/orders' })`

/** What a block takes for granted: the reader's own. */
const surroundings = (block: string): string =>
  [
    ['createGuard', "import { createGuard } from '@gatehouse/guard'"],
    ['app', "import express from 'express'\nconst app = express()"],
    ['token', 'declare const token: string'],
    ['issuer', 'declare const issuer: string'],
    ['audience', 'declare const audience: string'],
    ['log', 'declare const log: { info(what: unknown, text: string): void }'],
  ]
    .filter(([name = '']) => {
      const isUsed = new RegExp(`(?<![.'/\\w])${name}\\b(?!:)`).test(block)
      return isUsed && !new RegExp(`(?:const ${name}\\b|import \\{ ${name} \\})`).test(block)
    })
    .map(([, line]) => line)
    .join('\n')

it('compiles as the pages show it, strictly, as modules and in CommonJS', () => {
  const shown = ['packages/guard/README.md', 'README.md', 'docs/guides/checking-tokens.md'].flatMap(readBlocks)
  expect(shown.filter(({ text }) => text.includes('@gatehouse/guard/adapters/')).length).toBeGreaterThanOrEqual(9)
  const files = shown.map(({ language, text }, index) => {
    const file = `shown-${index}.${language === 'js' ? 'mjs' : 'mts'}`
    const whole = text.replace("import { guard } from '@/lib/guard'", ownGuard)
    // A program in JavaScript is a whole one.
    writeFileSync(join(project, file), language === 'js' ? whole : `${surroundings(whole)}\n${whole}\nexport {}`)
    return file
  })
  const common = `import { createGuard } from '@gatehouse/guard'\nimport { createTestIssuer } from '@gatehouse/guard/testing'
    export const all = [createGuard, createTestIssuer]`
  writeFileSync(join(project, 'common.cts'), common)
  // The frameworks are this project's own; the package is the published one.
  for (const name of ['express', 'fastify', 'hono', 'koa', '@types']) {
    symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name))
  }
  const compile = (module: string, sources: readonly string[]): string => {
    const options = [
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      '--allowJs',
      '--checkJs',
      '--target',
      'es2022',
      '--types',
      'node',
      '--module',
      module,
    ]
    const compiler = join(root, 'node_modules/typescript/bin/tsc')
    const { stdout } = spawnSync(process.execPath, [compiler, ...options, ...sources], {
      cwd: project,
      encoding: 'utf8',
    })
    return stdout
  }
  expect(compile('nodenext', files)).toBe('')
  expect(compile('node16', ['common.cts'])).toBe('')
}, 60_000)

it('runs the example of its README for unit tests, without any server', () => {
  const readme = readFileSync(join(root, 'packages/guard/README.md'), 'utf8')
  const example = /```ts test\n(.*?)```/s.exec(readme)?.[1] ?? ''
  expect(example).toContain('createTestIssuer')
  expect(runScript(`${example}\nconsole.log('ran to its end')`)).toBe('ran to its end\n')
})

it('follows the feed of a running Gatehouse: a logout is refused within a second, and nobody is asked', async () => {
  const issuer = `http://localhost:${site.port}`
  const login = await postJson(`${issuer}/login`, { username: 'alice', password: 'wonderland-tea-party' })
  const { access_token, refresh_token } = login.json
  const output = runScript(`
    import { createGuard } from '@gatehouse/guard'
    const client = { id: 'demo-service', secret: 'demo-service-secret' }
    const asked = []
    const counting = (url, init) => { asked.push(String(url)); return fetch(url, init) }
    const guard = createGuard({ issuer: '${issuer}', audience: '${issuer}', client, fetch: counting })
    while (!guard.isCurrent) await new Promise((resolve) => setTimeout(resolve, 10))
    const { kind } = await guard.verify('${access_token}')
    const body = JSON.stringify({ refresh_token: '${refresh_token}' })
    const headers = { 'content-type': 'application/json' }
    const { status } = await fetch('${issuer}/logout', { method: 'POST', headers, body })
    const from = performance.now()
    let reason
    while (!reason && performance.now() - from < 5000) {
      reason = await guard.verify('${access_token}').then(() => new Promise((resolve) => setTimeout(resolve, 5)), (error) => error.reason)
    }
    const took = performance.now() - from
    guard.close()
    console.log(JSON.stringify({ kind, status, reason, within: took < 1000, introspected: asked.some((url) => url.includes('introspect')) }))
  `)
  expect(JSON.parse(output)).toEqual({
    kind: 'user',
    status: 204,
    reason: 'revoked',
    within: true,
    introspected: false,
  })
})
