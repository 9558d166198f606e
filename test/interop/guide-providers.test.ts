import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createOAuth2Provider } from '@gatehouse/auth/federation/oauth2'
import type { OAuth2Settings } from '@gatehouse/auth/federation/oauth2-settings'
import { createOidcProvider } from '@gatehouse/auth/federation/oidc'
import type { OidcSettings } from '@gatehouse/auth/federation/oidc-settings'
import type { Provider, ProviderParts } from '@gatehouse/auth/federation/provider'
import { createOutbound } from '@gatehouse/auth/outbound/outbound'
import { seconds } from '@gatehouse/core/time'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { findFreePort, root } from '../flows/running-program.ts'
import { ForeignBrowser } from './foreign-browser.ts'

const state = 'S'.repeat(43)
const outbound = createOutbound({ allowLoopback: true })
afterAll(() => outbound.close())

interface Context {
  readonly name: string
  readonly development: boolean
  readonly report: (path: readonly (string | number)[], message: string) => void
}
type Resolve<Settings> = (section: unknown, context: Context) => Settings

/** The program is not a library: what it makes of its configuration is not exported. */
async function resolvers(): Promise<{ resolveOidc: Resolve<OidcSettings>; resolveOAuth2: Resolve<OAuth2Settings> }> {
  const folder = join(root, 'packages/gatehouse/src/configuration/providers')
  return { ...(await import(join(folder, 'oidc.ts'))), ...(await import(join(folder, 'oauth2.ts'))) }
}

/** A guide's lines of configuration, and the file with its provider, on a port that is free. */
async function readGuide(name: string, file: string) {
  const text = readFileSync(join(root, 'docs/guides', name), 'utf8')
  const port = await findFreePort()
  const here = text.replace(/127\.0\.0\.1:\d{4}/g, `127.0.0.1:${port}`)
  const program = new RegExp(`^\`\`\`js file=${file}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(here)?.[1] ?? ''
  const lines = /^```yaml\n([\s\S]*?)^```$/m.exec(here)?.[1] ?? ''
  const [[provider = '', section] = []] = Object.entries<unknown>(parse(lines).providers)
  return { program, provider, section, port }
}

describe('the provider of a guide', () => {
  let running: ChildProcess | undefined
  let folder: string | undefined
  afterEach(() => {
    running?.kill()
    if (folder !== undefined) rmSync(folder, { recursive: true })
  })

  async function run(program: string, port: number): Promise<void> {
    folder = mkdtempSync(join(tmpdir(), 'guide-'))
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    writeFileSync(join(folder, 'provider.mjs'), program)
    running = spawn(process.execPath, ['provider.mjs'], { cwd: folder, stdio: 'ignore' })
    for (let tries = 0; tries < 100; tries += 1) {
      if (await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error('it does not start')
  }
  const partsFor = (name: string): ProviderParts => ({
    ...{ name, issuer: 'http://localhost:8080', outbound },
    clock: { now: () => seconds(Math.floor(Date.now() / 1000)), milliseconds: () => Date.now() },
  })
  const contextFor = (name: string): Context => ({
    ...{ name, development: true },
    report: (path, message) => {
      throw new Error(`${path.join('.')}: ${message}`)
    },
  })

  async function signIn(provider: Provider, name: string) {
    const callback = `http://localhost:8080/federation/${name}/callback`
    const started = await provider.redirect?.start({ callback, state, fresh: false, locales: [] })
    const browser = new ForeignBrowser('http://localhost:8080/')
    let page = await browser.get(started && 'url' in started.go ? started.go.url : '')
    if (page.text.includes('name="login"')) page = await browser.submit(page, { login: 'octavia', password: 'x' })
    if (page.status !== 0) page = await browser.submit(page, {})
    const { searchParams: parameters } = new URL(page.url)
    return provider.redirect?.finish({ callback, state, parameters, binding: 'query', memory: started?.memory ?? {} })
  }

  it('lets somebody in by OpenID Connect, with the lines that are shown', async () => {
    const { program, provider, section, port } = await readGuide('openid-connect.md', 'provider.mjs')
    await run(program, port)
    const settings = (await resolvers()).resolveOidc(section, contextFor(provider))
    expect(await signIn(createOidcProvider(partsFor(provider), settings), provider)).toMatchObject({
      ...{ subject: 'octavia', claims: { name: 'octavia', email: 'octavia@example.com', email_verified: true } },
    })
  })

  it('lets somebody in by plain OAuth 2, with the lines that are shown', async () => {
    const { program, provider, section, port } = await readGuide('oauth2.md', 'forge.mjs')
    await run(program, port)
    const settings = (await resolvers()).resolveOAuth2(section, contextFor(provider))
    expect(await signIn(createOAuth2Provider(partsFor(provider), settings), provider)).toMatchObject({
      ...{ subject: '7', claims: { login: 'octavia', emails: [{ email: 'octavia@example.com', verified: true }] } },
    })
  })
})
