import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import * as Type from 'typebox'
import { afterEach, expect, it } from 'vitest'
import { defaultBrand } from '../pages/brand.ts'
import { createLooks, noOffers } from '../pages/look.ts'
import { createClientAddresses } from './client-address.ts'
import { createCookies } from './cookies.ts'
import { defineEndpoint } from './endpoint.ts'
import { mountEndpoints } from './mount.ts'

let stop = async (): Promise<void> => {}
afterEach(() => stop())

const answers: { path: string; status: number }[] = []
const greet = defineEndpoint({
  method: 'GET',
  path: '/greet',
  summary: 'Greets',
  bodyKind: 'none',
  answers: { 200: Type.Object({ hello: Type.String() }) },
  errors: [],
  handle: () => ({ status: 200, json: { hello: 'you' } }),
})

const greetNamed = defineEndpoint({
  method: 'POST',
  path: '/people/{name}/greet',
  summary: 'Greets somebody',
  bodyKind: 'form',
  body: Type.Object({}),
  bodyLimit: 100,
  answers: { 200: Type.Object({ hello: Type.String() }) },
  errors: [],
  handle: ({ named }) => ({ status: 200, json: { hello: named } }),
})

async function start() {
  answers.length = 0
  const mount = mountEndpoints([greet, greetNamed], {
    addresses: createClientAddresses([]),
    firstPartyOrigins: () => new Set(),
    httpsFor: () => undefined,
    findCertificate: () => undefined,
    looks: createLooks({
      cookies: createCookies('https://auth.example.com'),
      brand: () => defaultBrand,
      offers: () => noOffers,
    }),
    log: () => {},
    onAnswer: (path, status) => answers.push({ path, status }),
  })
  const server = createServer((request, response) => mount.handle(request, response, request.url ?? '', ''))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stop = async () => {
    mount.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/greet` }
}

it('answers, and HEAD with the same headers and no body', async () => {
  const { url } = await start()
  const answer = await fetch(url)
  expect(await answer.json()).toEqual({ hello: 'you' })
  const head = await fetch(url, { method: 'HEAD' })
  expect(head.headers.get('content-length')).toBe(answer.headers.get('content-length'))
  expect(await head.text()).toBe('')
  expect(answers).toEqual([
    { path: '/greet', status: 200 },
    { path: '/greet', status: 200 },
  ])
})

it('is not harmed by a client that goes away when its answer is about to be sent', async () => {
  const { server, url } = await start()
  server.prependOnceListener('request', (_request, response) => {
    // After the handler, before the turn of the event loop ends.
    process.nextTick(() => response.destroy())
  })
  await expect(fetch(url)).rejects.toThrow('fetch failed')
  expect((await fetch(url)).status).toBe(200)
})

it.each([
  ['PUT /greet', 'application/x-www-form-urlencoded'],
  ['POST /people/corp-1/greet', 'text/plain'],
  ['POST /nowhere', 'text/plain'],
])('reads the body that it does not want of %s, so that the connection can be used again', async (line, type) => {
  const { url } = await start()
  const request = `${line} HTTP/1.1\r\nHost: a\r\nContent-Type: ${type}\r\nContent-Length: 3\r\n\r\n`
  const received = await new Promise<string>((done) => {
    let all = ''
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(request))
    socket.on('data', (chunk) => (all += chunk))
    setTimeout(() => {
      expect(all).toBe('')
      socket.write(`a=b${request}c=d`)
    }, 100)
    setTimeout(() => {
      socket.destroy()
      done(all)
    }, 300)
  })
  expect(received.match(/HTTP\/1\.1 4(?:04|05|15) /g)).toHaveLength(2)
})

it('finds an endpoint by a path with a name in it, and no other path', async () => {
  const { url } = await start()
  const ask = (path: string, body = 'a=b') =>
    fetch(new URL(path, url), {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
  expect(await (await ask('/people/corp-1/greet')).json()).toEqual({ hello: 'corp-1' })
  for (const path of [
    '/people//greet',
    '/people/a/b/greet',
    '/people/a%2fb/greet',
    '/people/a/greet/',
    '/people/greet',
  ])
    expect((await ask(path)).status).toBe(404)
  expect((await ask('/people/corp-1/greet', `a=${'b'.repeat(100)}`)).status).toBe(413)
  expect(answers.map(({ path }) => path)).toContain('/people/{name}/greet')
})
