import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { ManualClock } from '@gatehouse/core/time'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createGuard, type Guard, type Requirement } from '../index.ts'
import { type IssuerServer, startIssuerServer } from '../testing/issuer-server.ts'
import { createTestSigner, testAudience } from '../testing/test-issuer.ts'
import { createTestProver } from '../testing/test-prover.ts'
import { guardExpress } from './express.ts'
import { guardFastify } from './fastify.ts'
import { guardHono } from './hono.ts'
import { guardKoa } from './koa.ts'
import { guardNext, guardNextMiddleware } from './next.ts'
import { guardNode } from './node.ts'

const signer = createTestSigner()
const prover = createTestProver()
let issuer: IssuerServer
let guard: Guard

beforeAll(async () => {
  issuer = await startIssuerServer()
  issuer.keys = [signer.jwk]
  guard = createGuard({ issuer: issuer.issuer, audience: testAudience, clock: new ManualClock() })
})
afterAll(() => issuer.stop())

const require: Requirement = { scopes: ['orders:read'] }
const stops: (() => unknown)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stops.push(
    () => server.closeAllConnections(),
    () => server.close(),
  )
  // A TCP server's address is never the name of a pipe.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A small service in one framework that answers with the caller's subject, behind a guard. */
type Service = (guard: Guard) => Promise<(headers: Record<string, string>) => Promise<Response>>

const over = (url: string) => (headers: Record<string, string>) => fetch(url, { headers })

const services: Record<string, Service> = {
  async node(own) {
    const guarded = guardNode(own, require)
    return over(await listen(guarded((_request, response, principal) => void response.end(principal.subject))))
  },
  async express(own) {
    const app = express()
    app.get('/', guardExpress(own, require), (request, response) => void response.send(request.principal?.subject))
    app.use(
      ((error, _request, response, _next) =>
        void response.status(500).end(String(error))) as express.ErrorRequestHandler,
    )
    return over(await listen(app))
  },
  async fastify(own) {
    const app = fastify()
    app.get('/', { preHandler: guardFastify(own, require) }, async (request) => request.principal?.subject)
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    stops.push(() => app.close())
    return over(url)
  },
  async koa(own) {
    const app = new Koa()
    app.silent = true
    app.use(guardKoa(own, require))
    app.use((ctx) => {
      ctx.body = ctx.state.principal.subject
    })
    return over(await listen(app.callback()))
  },
  async hono(own) {
    const app = new Hono()
    app.get('/', guardHono(own, require), (c) => c.text(c.get('principal').subject))
    return async (headers) => app.request('/', { headers })
  },
  async next(own) {
    const handler = guardNext(own, require)((_request, principal) => new Response(principal.subject))
    // What Next.js does with what a handler throws.
    const failed = (error: unknown) => new Response(String(error), { status: 500 })
    return (headers) =>
      handler(new Request('http://127.0.0.1/', { headers }), { params: Promise.resolve({}) }).catch(failed)
  },
}

const bearer = (claims: Record<string, unknown> = {}): { authorization: string } => ({
  authorization: `Bearer ${signer.token({ iss: issuer.issuer, ...claims })}`,
})

describe.each(Object.entries(services))('%s', (name, start) => {
  it('lets a good token through and hands the principal on', async () => {
    const ask = await start(guard)
    const answer = await ask(bearer())
    expect([answer.status, await answer.text()]).toEqual([200, 'usr_AAAAAAAAAAAAAAAAAAAAAA'])
  })

  it('answers 401 without credentials, with a bare challenge', async () => {
    const answer = await (await start(guard))({})
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, `Bearer realm="${testAudience}"`])
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
    expect(await answer.json()).toEqual({
      error: 'credentials_required',
      error_description: 'Authentication is required',
    })
  })

  it('answers 401 to a bad token', async () => {
    const { authorization } = bearer()
    const end = authorization.endsWith('AA') ? 'BA' : 'AA'
    const answer = await (await start(guard))({ authorization: authorization.slice(0, -2) + end })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toContain('error="invalid_token"')
    expect(await answer.json()).toMatchObject({ error: 'invalid_token' })
  })

  it('answers 403 to a token with too little scope', async () => {
    const answer = await (await start(guard))(bearer({ scope: 'orders:write' }))
    expect(answer.status).toBe(403)
    expect(answer.headers.get('www-authenticate')).toMatch(/error="insufficient_scope".*scope="orders:read"/)
    expect(await answer.json()).toMatchObject({ error: 'insufficient_scope' })
  })

  it('answers 503 while there are no keys, without a challenge', async () => {
    const answer = await (await start(createGuard({ issuer: 'http://127.0.0.1:1', audience: testAudience })))(bearer())
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5'])
    expect(answer.headers.get('www-authenticate')).toBeNull()
  })

  it('turns a malformed requirement down when it is set up', () => {
    const factories = {
      node: guardNode,
      express: guardExpress,
      fastify: guardFastify,
      koa: guardKoa,
      hono: guardHono,
      next: guardNext,
    }
    // Code without types can write this, and the table above has the same names as this one.
    const factory = factories[name as keyof typeof factories]
    expect(() => factory(guard, { scope: ['x'] } as object)).toThrow('unknown key "scope"')
  })

  it.skipIf(name === 'node')('leaves what is no refusal to the framework', async () => {
    const broken: Guard = { ...guard, authorize: () => Promise.reject(new Error('broken')) }
    const answer = await (await start(broken))(bearer())
    expect(answer.status).toBe(500)
  })
})

it('is middleware of Next.js: the refusal, or nothing', async () => {
  const ask = (headers: Record<string, string>, own = guard) =>
    guardNextMiddleware(own, require)(new Request('http://127.0.0.1/', { headers }))
  expect(await ask(bearer())).toBeUndefined()
  expect((await ask({}))?.status).toBe(401)
  expect((await ask(bearer({ scope: 'orders:write' })))?.status).toBe(403)
  const { authorization } = bearer()
  expect((await ask({ authorization: `${authorization}, ${authorization}` }))?.status).toBe(401)
  expect(() => guardNextMiddleware(guard, { scope: ['x'] } as object)).toThrow('unknown key "scope"')
  const broken: Guard = { ...guard, authorize: () => Promise.reject(new Error('broken')) }
  await expect(ask(bearer(), broken)).rejects.toThrow('broken')
})

it('hands route handlers of Next.js their request and the parameters of the path', async () => {
  const guarded = guardNext(guard)
  const handler = guarded(async (request: Request, _principal, { params }: { params: Promise<{ id: string }> }) => {
    return Response.json({ method: request.method, id: (await params).id })
  })
  const request = new Request('http://127.0.0.1/orders/7', { method: 'PUT', headers: bearer() })
  expect(await (await handler(request, { params: Promise.resolve({ id: '7' }) })).json()).toEqual({
    method: 'PUT',
    id: '7',
  })
})

describe.each(Object.entries(services))('%s and a token that is bound to a key', (_, start) => {
  // What reaches the service is a port of this machine; clients know it by another name.
  const own = () => {
    const { issuer: url } = issuer
    return createGuard({
      issuer: url,
      audience: testAudience,
      clock: new ManualClock(),
      dpop: { origin: 'https://api.test' },
    })
  }
  const token = () => signer.token({ iss: issuer.issuer, cnf: { jkt: prover.jkt } })
  const proofFor = (text: string, claims = {}) =>
    prover.proofFor(text, { htm: 'GET', htu: 'https://api.test/', ...claims })

  it('takes it with its proof, once', async () => {
    const ask = await start(own())
    const bound = token()
    const headers = { authorization: `DPoP ${bound}`, dpop: proofFor(bound) }
    expect((await ask(headers)).status).toBe(200)
    const again = await ask(headers)
    expect([again.status, ((await again.json()) as { error: string }).error]).toEqual([401, 'invalid_dpop_proof'])
    expect(again.headers.get('www-authenticate')).toMatch(/^DPoP realm=.*error="invalid_dpop_proof".*algs="ES256 /)
  })

  it('refuses it with another proof, or with two', async () => {
    const ask = await start(own())
    const bound = token()
    const proofs = [
      proofFor(bound, { htm: 'POST' }),
      proofFor(bound, { htu: 'https://api.test/x' }),
      proofFor('other'),
      '',
    ]
    for (const dpop of [...proofs, `${proofFor(bound)}, ${proofFor(bound)}`]) {
      expect((await ask({ authorization: `DPoP ${bound}`, dpop })).status).toBe(401)
    }
  })
})

describe('two Authorization headers', () => {
  it.each(Object.entries(services).filter(([name]) => name !== 'hono' && name !== 'next'))('%s', async (_, start) => {
    const ask = await start(guard)
    const { authorization } = bearer()
    // fetch joins what it is given twice, so the request is written by hand to the port of a first, good answer.
    const url = new URL((await ask({ authorization })).url)
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(url.port), url.hostname, () => {
        socket.write(`GET / HTTP/1.1\r\nHost: ${url.host}\r\nConnection: close\r\n`)
        socket.write(`Authorization: ${authorization}\r\nauthorization: Bearer other\r\n\r\n`)
      })
      let text = ''
      socket.on('data', (chunk) => {
        text += String(chunk)
      })
      socket.on('end', () => resolve(text)).on('error', reject)
    })
    expect(answer).toMatch(/^HTTP\/1\.1 401 /)
  })

  it('hono', async () => {
    const ask = await services.hono?.(guard)
    const { authorization } = bearer()
    expect((await ask?.({ authorization: `${authorization}, Bearer other` }))?.status).toBe(401)
  })
})
