import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { send, sendRaw } from '@gatehouse/gateway/fixtures/client'
import { startGateway, type TestGateway } from '@gatehouse/gateway/fixtures/gateway-server'
import { guarded, spellings } from '@gatehouse/gateway/fixtures/spellings'
import fastify from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findFreePort, get } from '../flows/running-program.ts'

// Attacks G1, G9 and G15: services of three makes, each of which says `guarded` where it takes a request for the guarded path,
// and repeats who it is told is calling.

const isMissing = (process.env.GATEHOUSE_MISSING ?? '').includes('nginx')

interface Kind {
  readonly origin: string
  stop(): Promise<void>
}

const kinds: readonly [name: string, start: () => Promise<Kind>, isMissing: boolean][] = [
  ['plain node', startPlain, false],
  ['Fastify', startFastify, false],
  ['nginx', startNginx, isMissing],
]

async function startPlain(): Promise<Kind> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://a')
    const place = decodeURI(pathname) === guarded ? 'guarded' : 'open'
    response.end(`${place} subject=${request.headers['x-gatehouse-subject']}`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop }
}

async function startFastify(): Promise<Kind> {
  // As lenient as it can be made.
  const app = fastify({
    routerOptions: {
      caseSensitive: false,
      ignoreTrailingSlash: true,
      ignoreDuplicateSlashes: true,
    },
  })
  const answer = (place: string) => async (request: { headers: Record<string, unknown> }) =>
    `${place} subject=${request.headers['x-gatehouse-subject']}`
  app.get(guarded, answer('guarded'))
  app.get('*', answer('open'))
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  return { origin, stop: () => app.close() }
}

async function startNginx(): Promise<Kind> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-nginx-'))
  const port = await findFreePort()
  const file = join(folder, 'nginx.conf')
  const places = ['body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const temporary = places.map((name) => `${name === 'body' ? 'client_body' : name}_temp_path ${folder}/${name};`)
  writeFileSync(
    file,
    `daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events {}
http {
  access_log off;
  ${temporary.join('\n  ')}
  underscores_in_headers on;
  server {
    listen 127.0.0.1:${port};
    location = ${guarded} { return 200 "guarded subject=$http_x_gatehouse_subject"; }
    location / { return 200 "open subject=$http_x_gatehouse_subject"; }
  }
}
`,
  )
  const path = `${process.env.PATH}:/usr/sbin`
  const nginx: ChildProcess = spawn('nginx', ['-c', file, '-p', folder], { env: { ...process.env, PATH: path } })
  const origin = `http://127.0.0.1:${port}`
  for (let tries = 0; tries < 100 && !(await get(origin).catch(() => undefined)); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return {
    origin,
    async stop() {
      const ended = new Promise((resolve) => nginx.once('exit', resolve))
      nginx.kill()
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

describe.each(kinds)('in front of %s', (_name, start, isSkipped) => {
  describe.skipIf(isSkipped)('the gateway', () => {
    let kind: Kind
    let test: TestGateway

    beforeAll(async () => {
      kind = await start()
      const boss = { require: { roles: ['boss'] } } as const
      const routes = [
        { path: guarded, ...boss },
        { path: '/who', require: 'optional' },
        { path: '/**', require: 'nothing' },
      ] as const
      test = await startGateway([{ name: 's', audience: 'https://auth.test', upstream: [kind.origin], routes }])
    })
    afterAll(async () => {
      await test?.stop()
      await kind?.stop()
    })

    it('can be asked for the guarded path, and for others', async () => {
      const direct = await get(kind.origin + guarded)
      expect(direct.text).toContain('guarded')
      expect((await send(test.port, '/who', { token: 'reader' })).body).toBe('open subject=usr_0123456789abcdefghijkl')
    })

    it.each(spellings)('lets nobody to the guarded path who spells it %j', async (spelling) => {
      const { text } = await sendRaw(
        test.port,
        `GET ${spelling} HTTP/1.1\r\nHost: auth.test\r\nConnection: close\r\n\r\n`,
      )
      expect(text).toMatch(/^HTTP\/1\.1 (?:200|4\d\d) /)
      expect(text).not.toContain('guarded')
    })

    it.each([
      'X-Gatehouse-Subject: usr_boss',
      'x-gatehouse-subject: usr_boss\r\nX-GATEHOUSE-SUBJECT: usr_boss',
      'X_Gatehouse_Subject: usr_boss',
      'X-Gatehouse_Subject: usr_boss',
      'X.Gatehouse.Subject: usr_boss',
      'Connection: close, X-Gatehouse-Subject',
      'Connection: x-gatehouse-subject\r\nX-Gatehouse-Subject: usr_boss',
    ])('tells the service who is calling, whatever a client says: %j', async (headers) => {
      for (const [token, subject] of [
        ['reader', 'usr_0123456789abcdefghijkl'],
        [undefined, ''],
      ]) {
        const authorization = token === undefined ? '' : `Authorization: Bearer ${token}\r\n`
        const { text } = await sendRaw(
          test.port,
          `GET /who HTTP/1.1\r\nHost: auth.test\r\n${authorization}${headers}\r\n\r\n`,
        )
        expect(text.split('open subject=')[1]?.split('\r\n', 1)[0]).toBe(subject)
      }
    })
  })
})
