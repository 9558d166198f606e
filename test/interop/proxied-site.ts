import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type RequestOptions, request } from 'node:http'
import { request as requestByTls } from 'node:https'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { buildSelfSigned } from '@gatehouse/gateway/fixtures/self-signed'
import { createSite, root, type Site } from '../flows/running-program.ts'
import { demoPassword } from './development-site.ts'
import { findPorts, readBlocks } from './guide-blocks.ts'
import type { ForeignProxy } from './proxies.ts'

/** What the service was sent. */
export interface Received {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** What a client was answered. */
export interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

/** An event stream or a WebSocket. */
export interface OpenStream {
  /** The first bytes of a stream; of a WebSocket, the status of the handshake. */
  readonly first: string
  /** Once it is over. */
  readonly ended: Promise<void>
  close(): void
}

/** The shipped program, a proxy in front of it or beside it, and a service behind that, all as the guide has them. */
export interface ProxiedSite {
  readonly site: Site
  readonly issuer: string
  /** Where the proxy is, by the name that browsers use. */
  readonly app: string
  /** What the service was sent, in its order. */
  readonly received: Received[]
  /** A request whose path goes out as it is written; `from` is the address that it is sent from. */
  ask(path: string, headers?: OutgoingHttpHeaders, method?: string, from?: string, body?: string): Promise<Answered>
  /** Opens what stays open; answers once the first bytes of it are there. */
  open(path: string, headers: OutgoingHttpHeaders): Promise<OpenStream>
  /** The header by which a user calls. */
  by(user: 'alice' | 'bob'): OutgoingHttpHeaders
  remove(): Promise<void>
}

/** Paths that one reads as `/health`, which is for everybody, and another as `/page`, which is not. */
export const twoWayPaths: readonly string[] = [
  '/health/../page',
  '/health/..%2fpage',
  '/health/%2e%2e/page',
  '//health',
  '/%68ealth',
  '/health;/../page',
  '/health\\..\\page',
  '/page/..//health',
  '/health%2f..%2fpage',
  '/health/.%2e/edit/page',
  '/health/..;/page',
  '/health%252f..%252fpage',
  '/health%5c..%5cpage',
  '/health%00/../page',
  '/_gatehouse/../page',
  '/_gatehouse/%2e%2e/page',
  '/_gatehouse/..%2fpage',
  '/.well-known/oauth-protected-resource/../../page',
  '/.well-known/oauth-protected-resource/..%2f..%2fpage',
]

/** Which proxies could not be installed. */
const missing = (process.env.GATEHOUSE_MISSING ?? '').split(' ')
export const isMissing = ({ package: name }: ForeignProxy): boolean => missing.includes(name)

/** Rules that tests need and the guide has no use for: one address, of this machine like all the others; and clients. */
const moreRoutes = `      - { path: /office, methods: [GET], require: { caller: nothing, addresses: [127.0.0.2] } }
      - { path: /robots, methods: [GET], require: token }
`

/** What to do otherwise than forward-auth as the guide has it. */
export interface Otherwise {
  /** Made to what the proxy reads. */
  readonly change?: (text: string) => string
  /** Gatehouse is asked over TLS, where it speaks HTTP/2 too. */
  readonly isAskedOverTls?: true
  /** The proxy passes everything on to Gatehouse, which forwards. */
  readonly passesOn?: true
}

/** Starts all three. */
export async function startProxiedSite(proxy: ForeignProxy, otherwise: Otherwise = {}): Promise<ProxiedSite> {
  const { change = (text) => text, passesOn = false, isAskedOverTls = false } = otherwise
  const blocks = readBlocks('behind-a-proxy.md')
  const example = readFileSync(join(root, 'examples/shop/gatehouse.yaml'), 'utf8')
  const here = await findPorts([example, ...blocks.map(({ text }) => text)])
  const app = here('http://wiki.localhost:8081')
  const issuer = here(
    passesOn ? 'http://localhost:8081' : isAskedOverTls ? 'https://localhost:8080' : 'http://localhost:8080',
  )
  const lines = blocks.filter(({ language, file }) => language === 'yaml' && file === undefined).map(({ text }) => text)
  const configuration = here([example, ...lines].join('\n'))
    .replace(/^ *- \{ path: \/health,.*\n/m, `$&${moreRoutes}`)
    .replace('forward_auth: true', passesOn ? here('upstream: http://127.0.0.1:4005') : '$&')
    .replace(/^issuer: .*$/m, `issuer: ${issuer}`)
  const received: Received[] = []
  const service = await startService(Number(here(':4005').slice(1)), received)
  const site = await createSite()
  site.configure(isAskedOverTls ? `${configuration}\n${addCertificate(site)}` : configuration)
  for (const name of proxy.files) {
    const own = passesOn ? blocks.find(({ file }) => file === `pass-on/${name}`) : undefined
    const { text } = own ?? blocks.find(({ file }) => file === name) ?? {}
    if (text !== undefined) writeFileSync(join(site.folder, name), change(here(text)))
  }
  await site.start(['dev'])
  const running = proxy.start(site.folder)
  const tokens: Record<string, string> = {}
  const started: ProxiedSite = {
    ...{ site, issuer, app, received },
    ask: (path, headers, method, from, body) => send(app, path, { headers, method, from, body }),
    open: (path, headers) => open(app, path, headers),
    by: (user) => ({ authorization: `Bearer ${tokens[user]}` }),
    async remove() {
      running.kill()
      service.close()
      service.closeAllConnections()
      await site.remove()
    },
  }
  for (let tries = 0; (await started.ask('/health').catch(() => undefined))?.status !== 200; tries += 1) {
    if (tries === 200) {
      await started.remove()
      throw new Error(`${proxy.name} did not start`)
    }
    await new Promise((done) => setTimeout(done, 50))
  }
  for (const username of ['alice', 'bob']) {
    const body = JSON.stringify({ username, password: demoPassword })
    const answer = await send(issuer, '/login', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
    tokens[username] = String(JSON.parse(answer.body).access_token)
  }
  received.length = 0
  return started
}

/** A certificate that nobody knows, and its key; answers with the lines that name them. */
function addCertificate({ folder }: Site): string {
  const { key, cert } = buildSelfSigned('localhost')
  writeFileSync(join(folder, 'cert.pem'), cert)
  writeFileSync(join(folder, 'key.pem'), key, { mode: 0o600 })
  return 'tls: { cert: cert.pem, key: key.pem }'
}

/** A service that keeps what it is sent, and agrees to WebSockets. What is below `/stream` stays open. */
async function startService(port: number, received: Received[]) {
  const keep = ({ method = '', url = '', headers }: IncomingMessage): boolean => {
    received.push({ method, url, headers: Object.fromEntries(Object.entries(headers).map(([k, v]) => [k, `${v}`])) })
    return url.startsWith('/stream')
  }
  const service = createServer((asked, response) => {
    if (keep(asked)) response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: first\n\n')
    else response.end('the wiki')
  })
  service.on('upgrade', (asked, socket) => {
    const stays = keep(asked)
    const key = `${asked.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
    const accept = createHash('sha1').update(key).digest('base64')
    const agreed = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket']
    socket.write([...agreed, `Sec-WebSocket-Accept: ${accept}`, '', ''].join('\r\n'))
    socket.on('error', () => undefined)
    if (!stays) socket.end()
  })
  await new Promise<void>((done) => service.listen(port, '127.0.0.1', done))
  return service
}

/** How a request is sent. */
interface Sent {
  readonly headers?: OutgoingHttpHeaders | undefined
  readonly method?: string | undefined
  readonly from?: string | undefined
  readonly body?: string | undefined
}

const optionsFor = (origin: string, path: string, { headers, method, from }: Sent): RequestOptions => {
  const { host, port } = new URL(origin)
  const localAddress = from ?? '127.0.0.1'
  const sentTo = { host: '127.0.0.1', port, localAddress, rejectUnauthorized: false }
  return { ...sentTo, path, method: method ?? 'GET', headers: { host, ...headers } }
}

const send = (origin: string, path: string, sent: Sent): Promise<Answered> =>
  new Promise((resolve, reject) => {
    const start = origin.startsWith('https:') ? requestByTls : request
    const asking = start(optionsFor(origin, path, sent), (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk) => {
        body += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }))
    })
    asking.on('upgrade', (response, socket) => {
      socket.destroy()
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: '' })
    })
    asking.on('error', reject).end(sent.body)
  })

const open = (origin: string, path: string, headers: OutgoingHttpHeaders): Promise<OpenStream> =>
  new Promise((resolve, reject) => {
    const asking = request(optionsFor(origin, path, { headers }))
    const tell = (stream: Readable, first: string): void => {
      const ended = new Promise<void>((done) => stream.on('close', done))
      stream.resume().on('error', () => undefined)
      resolve({ first, ended, close: () => stream.destroy() })
    }
    asking.on('response', (response) => response.once('data', (chunk) => tell(response, String(chunk))))
    asking.on('upgrade', (response, socket) => tell(socket, String(response.statusCode)))
    asking.on('error', reject).end()
  })
