import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { guarded } from '@gatehouse/gateway/fixtures/spellings'
import fastify from 'fastify'
import { agree, large, say } from './answers.ts'
import { type Received, record, type Upstream } from './record.ts'

/** A service on Fastify, as lenient as it can be made. */
export async function startFastify(name = ''): Promise<Upstream> {
  const requests: Received[] = []
  const bodies: number[] = []
  const app = fastify({
    trustProxy: true,
    routerOptions: { caseSensitive: false, ignoreTrailingSlash: true, ignoreDuplicateSlashes: true },
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.addHook('onRequest', async ({ raw, url, ip }) => {
    requests.push(record(raw, url.split('?', 1)[0] ?? '', ip))
  })
  app.addHook('preHandler', async ({ body }) => {
    if (Buffer.isBuffer(body) && body.length > 0) bodies.push(body.length)
  })
  const answer = (place: string) => async (request: { headers: Record<string, unknown> }) =>
    say(place, request.headers['x-gatehouse-subject'], name)
  app.all(guarded, answer('guarded'))
  app.all('/v2', answer('inside'))
  app.all('/v2/*', answer('inside'))
  app.get('/kept', async (request, reply) => {
    reply.header('cache-control', 'public, max-age=3600')
    return say('open', request.headers['x-gatehouse-subject'], name)
  })
  app.get('/large', async () => large)
  app.all('/upload', { bodyLimit: 67_108_864 }, answer('open'))
  app.all('*', answer('open'))
  app.server.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
    const path = (request.url ?? '').split('?', 1)[0] ?? ''
    requests.push(record(request, path, ''))
    agree(request, socket, path)
  })
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const stop = async () => {
    app.server.closeAllConnections()
    await app.close()
  }
  return { origin, received: async () => requests, bodies, stop }
}
