import { afterAll, beforeAll, expect, it } from 'vitest'
import { fetchJson } from './fetch-json.ts'
import { type IssuerServer, startIssuerServer } from './testing/issuer-server.ts'

let server: IssuerServer
beforeAll(async () => {
  server = await startIssuerServer()
})
afterAll(() => server.stop())

const bounds = { timeoutMilliseconds: 150, maxBytes: 1000 }
const json = { 'content-type': 'application/json' }
const ask = (instead: NonNullable<IssuerServer['instead']>) => {
  server.instead = instead
  return fetchJson(fetch, server.issuer, {}, bounds)
}
const unavailable = { code: 'temporarily_unavailable' }

it('gives the object and how long it may be kept', async () => {
  const keep = (value: string) =>
    ask((_, response) => response.writeHead(200, { ...json, 'cache-control': value }).end('{"a":1}'))
  expect(await ask((_, response) => response.writeHead(200, json).end('{"a":1}'))).toEqual({ body: { a: 1 } })
  expect(await keep('public, max-age=60')).toEqual({ body: { a: 1 }, maxAge: 60 })
  expect(await keep('MAX-AGE=7,no-transform')).toMatchObject({ maxAge: 7 })
  expect(await keep('max-age=60, no-cache')).toMatchObject({ maxAge: 0 })
  expect(await keep('s-maxage=5')).not.toHaveProperty('maxAge')
})

it.each(['application/json', 'application/JSON; charset=utf-8', 'application/jwk-set+json'])(
  'takes %s',
  async (type) => {
    await expect(
      ask((_, response) => response.writeHead(200, { 'content-type': type }).end('{}')),
    ).resolves.toBeDefined()
  },
)

it.each(['text/json', 'application/jsonp', 'text/html; application/json', ''])('does not take %j', async (type) => {
  const answer = ask((_, response) => response.writeHead(200, { 'content-type': type }).end('{}'))
  await expect(answer).rejects.toMatchObject(unavailable)
})

it('gives up on a server that says nothing', async () => {
  const started = performance.now()
  await expect(ask(() => {})).rejects.toMatchObject(unavailable)
  expect(performance.now() - started).toBeLessThan(1500)
})

it('gives up on a server that never comes to an end', async () => {
  let drip: NodeJS.Timeout | undefined
  const answer = ask((_, response) => {
    response.writeHead(200, json).write('{"a":"')
    drip = setInterval(() => response.write('x'), 20)
  })
  await expect(answer).rejects.toMatchObject(unavailable)
  clearInterval(drip)
})

it('stops reading where the bound is', async () => {
  const fill = (length: number) =>
    ask((_, response) => response.writeHead(200, json).end(`{"a":"${'x'.repeat(length)}"}`))
  await expect(fill(1000 - 8)).resolves.toBeDefined()
  await expect(fill(1000 - 7)).rejects.toMatchObject(unavailable)
})

it('says what happened in the cause alone', async () => {
  const error = await ask((_, response) => response.writeHead(418).end()).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ message: 'Temporarily unavailable; try again later' })
  expect(error).toMatchObject({ cause: { message: expect.stringContaining('418') } })
})
