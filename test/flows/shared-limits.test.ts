import { randomBytes } from 'node:crypto'
import { Agent, createServer, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { startPostgres, type TestPostgres } from '@gatehouse/store/testing/postgres'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createSite, type Running, type Site } from './running-program.ts'

const host = 'auth.example.com'
const masterKey = randomBytes(32).toString('base64')

let postgres: TestPostgres
let upstream: Server
/** Requests for /slow that the service has not answered. */
const waiting: ServerResponse[] = []
const sites: Site[] = []

beforeAll(async () => {
  postgres = await startPostgres()
  upstream = createServer((asked, response) => {
    if (asked.url === '/slow') waiting.push(response)
    else response.end('ok')
  })
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  for (const response of waiting.splice(0)) response.destroy()
  await Promise.all(sites.splice(0).map((site) => site.remove()))
})
afterAll(async () => {
  upstream.closeAllConnections()
  upstream.close()
  await postgres.stop()
})

/** Starts a Gatehouse of which a service takes a hundred requests an hour, and two at once for /slow. */
async function start(more: string, rate = 100): Promise<{ readonly site: Site; readonly running: Running }> {
  const site = await createSite('', { SHARED_KEY: masterKey })
  sites.push(site)
  const { port } = upstream.address() as AddressInfo
  site.configure(`issuer: https://${host}
listen: 127.0.0.1:${site.port}
master_key: \${SHARED_KEY}
${more}
services:
  orders:
    upstream: http://127.0.0.1:${port}
    routes:
      - { path: /fast, require: nothing, limits: { rate: [{ per: address, requests: ${rate}, in: 1h }] } }
      - { path: /slow, require: nothing, limits: { concurrency: 2 } }
`)
  return { site, running: await site.start() }
}

const ask = (site: Site, path: string, agent?: Agent): Promise<number> =>
  new Promise((resolve, reject) => {
    const options = { headers: { host }, ...(agent === undefined ? { agent: false as const } : { agent }) }
    const sent = request(`${site.url}${path}`, options, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? 0))
      response.on('error', reject)
    })
    sent.on('error', reject)
    sent.end()
  })

/** How many of four hundred requests are let through, over sixteen connections that are spread over all processes. */
async function countAllowed(of: readonly Site[]): Promise<number> {
  let allowed = 0
  const connections = Array.from({ length: 16 }, (_, index) => ({
    site: of[index % of.length] as Site, // the index is within
    agent: new Agent({ keepAlive: true, maxSockets: 1 }),
  }))
  const work = async ({ site, agent }: (typeof connections)[number]): Promise<void> => {
    for (let count = 0; count < 25; count += 1) {
      if ((await ask(site, '/fast', agent)) === 200) allowed += 1
      // As fast as a quick client and no faster: what is asked within one moment nobody has heard of.
      await new Promise((resolve) => setTimeout(resolve, 40))
    }
    agent.destroy()
  }
  await Promise.all(connections.map(work))
  return allowed
}

const pause = (milliseconds: number): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, milliseconds))

describe.each([
  [
    'two Gatehouses on one Postgres',
    async () => {
      const database = `database: ${await postgres.newDatabase()}`
      return [await start(database), await start(database)] as const
    },
  ],
  ['two workers on one SQLite file', async () => [await start('workers: 2')] as const],
  [
    'two workers on one Postgres',
    async () => [await start(`workers: 2\ndatabase: ${await postgres.newDatabase()}`)] as const,
  ],
])('%s', (_, startAll) => {
  it('let through what the limit says, and not that for each of them', async () => {
    const all = (await startAll()).map(({ site }) => site)
    const allowed = await countAllowed(all)
    expect(allowed).toBeGreaterThanOrEqual(100)
    expect(allowed).toBeLessThanOrEqual(150)
  })

  it('have no more under way together than the limit says, until it is over', async () => {
    const all = (await startAll()).map(({ site }) => site)
    const siteOf = (index: number): Site => all[index % all.length] as Site // the index is within
    // One at a time: each is known to all before the next one comes.
    const first: Promise<number>[] = []
    for (let count = 0; count < 2; count += 1) {
      first.push(ask(siteOf(count), '/slow'))
      await expect.poll(() => waiting.length).toBe(count + 1)
      await pause(500)
    }
    const refused = await Promise.all([0, 1, 2, 3].map((index) => ask(siteOf(index), '/slow')))
    expect(refused).toEqual([503, 503, 503, 503])
    for (const response of waiting.splice(0)) response.end()
    expect(await Promise.all(first)).toEqual([200, 200])
    await pause(500)
    const next = [ask(siteOf(0), '/slow'), ask(siteOf(0), '/slow')]
    await expect.poll(() => waiting.length).toBe(2)
    for (const response of waiting) response.end()
    expect(await Promise.all(next)).toEqual([200, 200])
  })
})

describe('two Gatehouses on one Postgres', () => {
  it('do not take each other’s limits for their own where those differ', async () => {
    const database = `database: ${await postgres.newDatabase()}`
    const [near, far] = [await start(database, 100), await start(database, 120)]
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (let count = 0; count < 90; count += 1) expect(await ask(near.site, '/fast', agent)).toBe(200)
    await pause(500)
    for (let count = 0; count < 90; count += 1) expect(await ask(far.site, '/fast', agent)).toBe(200)
    agent.destroy()
  })

  it('free the places of one that is gone, without a word, within a few seconds', async () => {
    const database = `database: ${await postgres.newDatabase()}`
    const [near, far] = [await start(database), await start(database)]
    const lost = [ask(far.site, '/slow'), ask(far.site, '/slow')].map((asked) => asked.catch(() => 0))
    await expect.poll(() => waiting.length).toBe(2)
    await pause(500)
    expect(await ask(near.site, '/slow')).toBe(503)
    await far.running.stop('SIGKILL')
    expect(await Promise.all(lost)).toEqual([0, 0])
    const asked = async (): Promise<number> => {
      const answer = ask(near.site, '/slow')
      await pause(200)
      waiting.at(-1)?.end()
      return answer
    }
    expect(await ask(near.site, '/slow')).toBe(503)
    await expect.poll(asked, { timeout: 8000 }).toBe(200)
  })
})
