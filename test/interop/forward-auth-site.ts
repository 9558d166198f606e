import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http'
import { join } from 'node:path'
import { createSite, postJson, root, type Site } from '../flows/running-program.ts'
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

/** The shipped program, a proxy that asks it, and a service behind that, all as the guide has them. */
export interface ForwardAuthSite {
  readonly site: Site
  readonly issuer: string
  /** Where the proxy is, by the name that browsers use. */
  readonly app: string
  /** What the service was sent, in its order. */
  readonly received: Received[]
  /** A request whose path goes out as it is written; `from` is the address that it is sent from. */
  ask(path: string, headers?: OutgoingHttpHeaders, method?: string, from?: string): Promise<Answered>
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
export const isMissing = ({ package: name }: ForeignProxy): boolean => missing.some((one) => one.startsWith(name))

/** A rule that a test needs and the guide has no use for: one address, of this machine like all the others. */
const officeRoute = '      - { path: /office, methods: [GET], require: { caller: nothing, addresses: [127.0.0.2] } }\n'

/** Starts all three. `change` is made to what the guide says. */
export async function startForwardAuthSite(
  proxy: ForeignProxy,
  change: (text: string) => string = (text) => text,
): Promise<ForwardAuthSite> {
  const blocks = readBlocks('behind-a-proxy.md')
  const example = readFileSync(join(root, 'examples/shop/gatehouse.yaml'), 'utf8')
  const lines = blocks.filter(({ language, file }) => language === 'yaml' && file === undefined).map(({ text }) => text)
  const here = await findPorts([example, ...blocks.map(({ text }) => text)])
  const [issuer, app] = [here('http://localhost:8080'), here('http://wiki.localhost:8081')]
  const received: Received[] = []
  const service = await startService(Number(here(':4005').slice(1)), received)
  const site = await createSite()
  site.configure(here([example, ...lines].join('\n').replace(/^ *- \{ path: \/health,.*\n/m, `$&${officeRoute}`)))
  for (const { file, text } of blocks) {
    if (file !== undefined && proxy.files.includes(file)) writeFileSync(join(site.folder, file), change(here(text)))
  }
  await site.start(['dev'])
  const tokens: Record<string, string> = {}
  for (const username of ['alice', 'bob']) {
    const { json } = await postJson(`${issuer}/login`, { username, password: demoPassword })
    tokens[username] = String(json.access_token)
  }
  const running = proxy.start(site.folder)
  const started: ForwardAuthSite = {
    ...{ site, issuer, app, received },
    ask: (path, headers, method, from) => send(app, path, headers, method, from),
    by: (user) => ({ authorization: `Bearer ${tokens[user]}` }),
    async remove() {
      running.kill()
      service.close()
      service.closeAllConnections()
      await site.remove()
    },
  }
  for (let tries = 0; tries < 200; tries += 1) {
    if ((await started.ask('/health').catch(() => undefined))?.status === 200) {
      received.length = 0
      return started
    }
    await new Promise((done) => setTimeout(done, 50))
  }
  await started.remove()
  throw new Error(`${proxy.name} did not start`)
}

/** A service that keeps what it is sent, and agrees to WebSockets. */
async function startService(port: number, received: Received[]) {
  const keep = ({ method = '', url = '', headers }: IncomingMessage): void => {
    received.push({ method, url, headers: Object.fromEntries(Object.entries(headers).map(([k, v]) => [k, `${v}`])) })
  }
  const service = createServer((asked, response) => {
    keep(asked)
    response.end('the wiki')
  })
  service.on('upgrade', (asked, socket) => {
    keep(asked)
    const key = `${asked.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
    const accept = createHash('sha1').update(key).digest('base64')
    const agreed = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket']
    socket.end([...agreed, `Sec-WebSocket-Accept: ${accept}`, '', ''].join('\r\n'))
  })
  await new Promise<void>((done) => service.listen(port, '127.0.0.1', done))
  return service
}

const send = (
  app: string,
  path: string,
  headers: OutgoingHttpHeaders = {},
  method = 'GET',
  localAddress = '127.0.0.1',
) =>
  new Promise<Answered>((resolve, reject) => {
    const { host, port } = new URL(app)
    const options = { host: '127.0.0.1', port, path, method, localAddress, headers: { host, ...headers } }
    const sent = request(options, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk) => {
        body += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }))
    })
    sent.on('upgrade', (response, socket) => {
      socket.destroy()
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: '' })
    })
    sent.on('error', reject).end()
  })
