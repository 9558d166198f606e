import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import { Readable } from 'node:stream'
import { createGuard, type Guard } from '@gatehouse/guard'
import { startPostgres, type TestPostgres } from '@gatehouse/store/testing/postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSite, findFreePort, postJson, type Running, type Site } from './running-program.ts'

const password = 'wonderland-tea-party'
const issuer = 'https://auth.example.com'
const host = { host: 'auth.example.com' }

let postgres: TestPostgres
let upstream: Server
let near: Site
let far: Site
let farRunning: Running
const guards: Guard[] = []

beforeAll(async () => {
  postgres = await startPostgres()
  const upstreamPort = await findFreePort()
  upstream = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('data: hello\n\n')
  })
  await new Promise<void>((resolve) => upstream.listen(upstreamPort, '127.0.0.1', resolve))
  const environment = { SHARED_KEY: randomBytes(32).toString('base64') }
  const start = async (): Promise<[Site, Running]> => {
    const site = await createSite('', environment)
    site.configure(`issuer: ${issuer}
listen: 127.0.0.1:${site.port}
database: ${postgres.url}
master_key: \${SHARED_KEY}
services:
  orders:
    upstream: http://127.0.0.1:${upstreamPort}
    client: { secret: ${serviceSecret} }
    routes: [ { path: /orders/**, require: signed-in } ]
`)
    return [site, await site.start()]
  }
  ;[near] = await start()
  ;[far, farRunning] = await start()
  const added = await near.run(['user', 'add', 'alice', '--scope', 'orders:read'], `${password}\n`)
  expect(added.code).toBe(0)
})
afterAll(async () => {
  for (const guard of guards) guard.close()
  await Promise.all([near?.remove(), far?.remove()])
  upstream?.closeAllConnections()
  upstream?.close()
  await postgres?.stop()
})

const serviceSecret = randomBytes(32).toString('base64url')

const open = (url: string, headers: Record<string, string>, signal?: AbortSignal): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const options = { headers: { ...headers, ...host }, agent: false, ...(signal && { signal }) }
    request(url, options, resolve).on('error', reject).end()
  })

/** The issuer as it is reached at one replica. A service reaches it through a balancer; fetch cannot say which host it wants. */
const fetchAt =
  (site: Site): typeof fetch =>
  async (input, init) => {
    const url = String(input).replace(issuer, site.url)
    // The guard hands over plain headers.
    const answer = await open(url, (init?.headers ?? {}) as Record<string, string>, init?.signal ?? undefined)
    answer.on('error', () => {})
    const headers = { 'content-type': answer.headers['content-type'] ?? '' }
    return new Response(Readable.toWeb(answer) as ReadableStream, { status: answer.statusCode ?? 500, headers })
  }

const guardAt = async (site: Site): Promise<Guard> => {
  const client = { id: 'service:orders', secret: serviceSecret }
  const guard = createGuard({
    issuer,
    audience: `${issuer}/orders`,
    client,
    fetch: fetchAt(site),
    whenFeedIsLost: 'refuse',
  })
  guards.push(guard)
  await expect.poll(() => guard.isCurrent, { timeout: 5000 }).toBe(true)
  return guard
}

const signIn = async (site: Site): Promise<string> => {
  const body = { username: 'alice', password, audience: `${issuer}/orders` }
  return String((await postJson(`${site.url}/login`, body, host)).json.access_token)
}

const logOut = async (site: Site, token: string): Promise<void> => {
  const { status } = await postJson(`${site.url}/logout`, {}, { ...host, authorization: `Bearer ${token}` })
  expect(status).toBe(204)
}

const reasonOf = (guard: Guard, token: string): Promise<string> =>
  guard.verify(token).then(
    () => 'good',
    (error: { reason: string }) => error.reason,
  )

describe('two Gatehouses on one Postgres', () => {
  it('refuse everywhere within a second what was logged out at one of them', async () => {
    const guard = await guardAt(far)
    const token = await signIn(near)
    expect(await reasonOf(guard, token)).toBe('good')
    const stream = await open(`${far.url}/orders`, { authorization: `Bearer ${token}` })
    expect(stream.statusCode).toBe(200)
    stream.resume()
    const ended = new Promise<number>((resolve) => stream.on('end', () => resolve(performance.now())))

    await logOut(near, token)
    const from = performance.now()
    await expect.poll(() => reasonOf(guard, token), { timeout: 1000, interval: 10 }).toBe('revoked')
    // A stream that was open at the other replica ends as well.
    expect((await ended) - from).toBeLessThan(1000)
    expect((await open(`${far.url}/orders`, { authorization: `Bearer ${token}` })).statusCode).toBe(401)
  })

  it('let a guard go on at another one when a replica stops, and it has missed nothing', async () => {
    let site = far
    const client = { id: 'service:orders', secret: serviceSecret }
    const balanced: typeof fetch = (input, init) => fetchAt(site)(input, init)
    const guard = createGuard({
      issuer,
      audience: `${issuer}/orders`,
      client,
      fetch: balanced,
      whenFeedIsLost: 'refuse',
    })
    guards.push(guard)
    await expect.poll(() => guard.isCurrent, { timeout: 5000 }).toBe(true)
    const [before, after] = [await signIn(near), await signIn(near)]
    site = near
    const stopped = farRunning.stop()
    await logOut(near, before)
    await expect.poll(() => reasonOf(guard, before), { timeout: 5000 }).toBe('revoked')
    const { code, milliseconds } = await stopped
    // An open feed does not keep a process up.
    expect([code, milliseconds < 5000]).toEqual([0, true])
    expect(await reasonOf(guard, after)).toBe('good')
    await logOut(near, after)
    await expect.poll(() => reasonOf(guard, after), { timeout: 1000, interval: 10 }).toBe('revoked')
  })
})
