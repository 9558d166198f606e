import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Members } from './test-issuer.ts'

/** An issuer on a real socket: metadata, keys and introspection. What it answers can be changed while it runs. */
export interface IssuerServer {
  readonly issuer: string
  /** The JWKs that it publishes. */
  keys: Members[]
  /** Response headers of the key set. */
  keyHeaders: Record<string, string>
  /** Overrides of the metadata. */
  metadata: Members
  /** What introspection says of a token. */
  introspect: (token: string) => unknown
  /** When set, answers everything instead. */
  instead: ((request: IncomingMessage, response: ServerResponse) => void) | undefined
  /** Method and path of every request so far. */
  readonly requests: string[]
  /** How often a path was asked for. */
  count(path: string): number
  stop(): Promise<void>
}

/** Starts an issuer on a free port of 127.0.0.1; `path` becomes part of its name. */
export async function startIssuerServer(path = ''): Promise<IssuerServer> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    if (state.instead) state.instead(request, response)
    else answer(state, path, request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A TCP server's address is never the name of a pipe.
  const { port } = server.address() as AddressInfo
  const state: IssuerServer = {
    issuer: `http://127.0.0.1:${port}${path}`,
    keys: [],
    keyHeaders: {},
    metadata: {},
    introspect: () => ({ active: true }),
    instead: undefined,
    requests,
    count: (asked) => requests.filter((request) => request.endsWith(` ${asked}`)).length,
    stop: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
  return state
}

function answer(state: IssuerServer, path: string, request: IncomingMessage, response: ServerResponse): void {
  const send = (body: unknown, headers: Record<string, string> = {}): void => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  }
  if (request.url === `/.well-known/oauth-authorization-server${path}`) {
    send({
      issuer: state.issuer,
      jwks_uri: `${state.issuer}/jwks`,
      introspection_endpoint: `${state.issuer}/introspect`,
      ...state.metadata,
    })
  } else if (request.url === `${path}/jwks`) {
    send({ keys: state.keys }, state.keyHeaders)
  } else if (request.url === `${path}/introspect` && request.method === 'POST') {
    readForm(request).then((form) => {
      const expected = `Basic ${Buffer.from('service%3Aorders:s%2Fecret').toString('base64')}`
      if (request.headers.authorization !== expected) response.writeHead(401).end()
      else send(state.introspect(form.get('token') ?? ''))
    })
  } else {
    response.writeHead(404).end()
  }
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  let body = ''
  for await (const chunk of request) body += String(chunk)
  return new URLSearchParams(body)
}
