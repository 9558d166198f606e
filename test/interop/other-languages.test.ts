import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createPlainServer } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildSelfSigned } from '@gatehouse/gateway/fixtures/self-signed'
import { startIssuerServer } from '@gatehouse/guard/testing/issuer-server'
import { createTestSigner } from '@gatehouse/guard/testing/test-issuer'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { get, postForm, postJson, root } from '../flows/running-program.ts'
import { type DevelopmentSite, demoPassword, startDevelopmentSite } from './development-site.ts'

/** How an example is started, or nothing where its language is not here. */
type Start = (environment: Record<string, string>) => ChildProcess

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-languages-'))
const goProgram = join(folder, 'orders')

const findPython = (): Start | undefined =>
  // Debian's own Python: that is where Debian's package is.
  spawnSync('/usr/bin/python3', ['-c', 'import jwcrypto']).status === 0
    ? (env) =>
        spawn('/usr/bin/python3', [join(root, 'examples/python/orders.py')], {
          env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', ...env },
        })
    : undefined

function findGo(): Start | undefined {
  const cwd = join(root, 'examples/go')
  if (spawnSync('go', ['mod', 'download'], { cwd, timeout: 60_000 }).status !== 0) return undefined
  const { status, stderr } = spawnSync('go', ['build', '-o', goProgram, '.'], { cwd, timeout: 120_000 })
  if (status !== 0) throw new Error(String(stderr))
  return (env) => spawn(goProgram, [], { env: { ...process.env, ...env } })
}

let site: DevelopmentSite
const children: ChildProcess[] = []
beforeAll(async () => {
  site = await startDevelopmentSite()
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})
afterAll(async () => {
  await site?.site.remove()
  rmSync(folder, { recursive: true, force: true })
})

async function listen(start: Start, environment: Record<string, string> = {}): Promise<string> {
  const child = start({ ISSUER: site.issuer, PORT: '0', ...environment })
  children.push(child)
  let output = ''
  return new Promise((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      output += chunk.toString()
      const port = /listening on (\d+)/.exec(output)?.[1]
      if (port !== undefined) resolve(`http://127.0.0.1:${port}/`)
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.on('exit', (code) => reject(new Error(`ended with ${code}:\n${output}`)))
  })
}

const ask = async (url: string, token?: string): Promise<[number, Record<string, unknown>]> => {
  const { status, json } = await get(url, token === undefined ? {} : { authorization: `Bearer ${token}` })
  return [status, json]
}
const signIn = async (): Promise<string> =>
  String((await postJson(`${site.issuer}/login`, { username: 'alice', password: demoPassword })).json.access_token)

describe.each([
  ['Python', findPython()],
  ['Go', findGo()],
] as const)('the example in %s', (_, start) => {
  it.skipIf(!start)('takes good tokens, and refuses those of a session that has ended within a second', async () => {
    const url = await listen(start as Start)
    await expect.poll(async () => (await ask(url, await signIn()))[1].live, { timeout: 5000 }).toBe(true)
    const token = await signIn()
    expect(await ask(url, token)).toEqual([200, { hello: expect.stringMatching(/^usr_/), live: true }])
    const headers = { authorization: `Bearer ${token}` }
    expect((await postJson(`${site.issuer}/logout`, {}, headers)).status).toBe(204)
    await expect.poll(() => ask(url, token), { timeout: 1000, interval: 20 }).toEqual([401, { error: 'invalid_token' }])
  })

  it.skipIf(!start)('refuses what is no token for it', async () => {
    const url = await listen(start as Start, { AUDIENCE: 'https://api.example.com/other' })
    expect(await ask(url)).toEqual([401, { error: 'credentials_required' }])
    for (const token of ['nothing', 'a.b.c', await signIn(), `${(await signIn()).slice(0, -4)}AAAA`]) {
      expect(await ask(url, token)).toEqual([401, { error: 'invalid_token' }])
    }
  })

  it.skipIf(!start)('says with a refusal what would do', async () => {
    const url = await listen(start as Start, { AUDIENCE: 'https://api.example.com/other' })
    const challengeOf = async (token: Record<string, string>) => (await get(url, token)).headers['www-authenticate']
    expect(await challengeOf({})).toBe('Bearer')
    expect(await challengeOf({ authorization: 'Bearer a.b.c' })).toBe('Bearer error="invalid_token"')
  })

  it.skipIf(!start)('asks the issuer while it has no feed, and takes no answer for a yes', async () => {
    // It may not read the feed, and learns of nobody's tokens but its own.
    const url = await listen(start as Start, { CLIENT_ID: 'demo-web', CLIENT_SECRET: 'demo-web-secret' })
    expect(await ask(url, await signIn())).toEqual([401, { error: 'invalid_token' }])
    const unknown = await listen(start as Start, { CLIENT_SECRET: 'wrong' })
    expect(await ask(unknown, await signIn())).toEqual([503, { error: 'temporarily_unavailable' }])
    const headers = { authorization: `Basic ${Buffer.from('demo-service:demo-service-secret').toString('base64')}` }
    const form = { grant_type: 'client_credentials', scope: 'inventory:read' }
    const { access_token } = (await postForm(`${site.issuer}/oauth/token`, form, headers)).json
    const own = await listen(start as Start)
    expect(await ask(own, String(access_token))).toEqual([403, { error: 'insufficient_scope' }])
  })

  it.skipIf(!start)(
    'takes identities of the gateway while the feed is not current, and asks about tokens',
    async () => {
      const issuer = await startIssuerServer()
      issuer.feed.completes = false
      issuer.introspect = () => ({ active: false })
      const { url, sign } = await listenAt(start as Start, issuer)
      expect(await ask(url, sign('gatehouse-identity+jwt'))).toEqual([200, { hello: 'usr_a', live: false }])
      expect(await ask(url, sign('at+jwt'))).toEqual([401, { error: 'invalid_token' }])
      await issuer.stop()
    },
  )

  it.skipIf(!start)(
    'has those who come while the issuer hangs wait for one answer, and not each for its own',
    async () => {
      const issuer = await startIssuerServer()
      const { url, sign } = await listenAt(start as Start, issuer)
      issuer.instead = () => {}
      const started = performance.now()
      const outcomes = await Promise.all(Array.from({ length: 4 }, () => ask(url, sign('at+jwt'))))
      for (const outcome of outcomes) expect(outcome).toEqual([503, { error: 'temporarily_unavailable' }])
      expect(performance.now() - started).toBeLessThan(9000)
      await issuer.stop()
    },
  )
})

describe('the example in Python, where the issuer cannot be had', () => {
  const start = findPython()

  it.skipIf(!start)('says what is wrong, and which authorities it believes', async () => {
    const { key, cert } = buildSelfSigned('localhost')
    const server = createServer({ key, cert }, (_request, response) => response.writeHead(404).end())
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as AddressInfo
    const run = (environment: Record<string, string>): Promise<string> =>
      listen(start as Start, { ISSUER: `https://localhost:${port}`, ...environment }).catch(String)
    const unknown = await run({})
    expect(unknown).toContain('cannot be had: self-signed certificate; SSL_CERT_FILE names')
    expect(unknown).not.toContain('Traceback')
    const file = join(folder, 'ca.pem')
    writeFileSync(file, cert)
    expect(await run({ SSL_CERT_FILE: file })).toContain('cannot be had: HTTP Error 404')
    server.close()
    expect(await run({ ISSUER: 'http://127.0.0.1:1' })).toContain('Connection refused')
  })
})

describe.each([
  ['Python', findPython()],
  ['Go', findGo()],
] as const)('the example in %s, where its feed breaks off in the middle of an event', (_, start) => {
  it.skipIf(!start)('comes back', async () => {
    let readers = 0
    const server = createPlainServer((request, response) => {
      const issuer = `http://${request.headers.host}`
      if (request.url !== '/feed') {
        const [jwks_uri, introspection_endpoint, feed] = [`${issuer}/jwks`, `${issuer}/introspect`, `${issuer}/feed`]
        return void response.end(
          JSON.stringify({ issuer, jwks_uri, introspection_endpoint, revocation_feed_endpoint: feed, keys: [] }),
        )
      }
      readers += 1
      // Less than the chunk has been said to hold.
      request.socket.end(
        'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n20\r\nid: 1',
      )
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as AddressInfo
    await listen(start as Start, { ISSUER: `http://127.0.0.1:${port}` })
    await expect.poll(() => readers, { timeout: 10_000 }).toBeGreaterThan(1)
    server.closeAllConnections()
    server.close()
  })
})

/** The example at an issuer that a test rules, and tokens of it. */
async function listenAt(start: Start, issuer: Awaited<ReturnType<typeof startIssuerServer>>) {
  const signer = createTestSigner()
  issuer.keys = [signer.jwk]
  const environment = { ISSUER: issuer.issuer, CLIENT_ID: 'service:orders', CLIENT_SECRET: 's/ecret' }
  const url = await listen(start, environment)
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: issuer.issuer,
    aud: issuer.issuer,
    sub: 'usr_a',
    iat: now,
    exp: now + 120,
    scope: 'orders:read',
  }
  return { url, sign: (typ: string) => signer.token(claims, { typ }) }
}
