import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { RevocationEntry } from '@gatehouse/core/contracts'
import type { Members } from './test-issuer.ts'

/** The revocation feed of an {@link IssuerServer}. */
export interface TestFeed {
  /** What a reader is told at first that does not resume. */
  entries: readonly RevocationEntry[]
  /** The number that stands for everything so far. */
  seq: number
  /** Whether it is said that everything was told. */
  completes: boolean
  /** The answers that are under way. */
  readonly readers: Set<ServerResponse>
  /** What each reader said that it had. */
  readonly resumed: (string | undefined)[]
  /** Tells every reader of one more entry. */
  tell(entry: RevocationEntry): void
  /** Sends every reader this text. */
  send(text: string): void
}

/** An issuer on a real socket: metadata, keys, introspection and the revocation feed. What it answers can be changed while it runs. */
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
  readonly feed: TestFeed
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
    feed: createFeed(),
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
      revocation_feed_endpoint: `${state.issuer}/feed`,
      ...state.metadata,
    })
  } else if (request.url === `${path}/jwks`) {
    send({ keys: state.keys }, state.keyHeaders)
  } else if (request.url === `${path}/introspect` && request.method === 'POST') {
    readForm(request).then((form) => {
      if (request.headers.authorization !== expectedCredential) response.writeHead(401).end()
      else send(state.introspect(form.get('token') ?? ''))
    })
  } else if (request.url === `${path}/feed`) {
    if (request.headers.authorization !== expectedCredential) response.writeHead(401).end()
    else startReader(state.feed, request, response)
  } else {
    response.writeHead(404).end()
  }
}

const expectedCredential = `Basic ${Buffer.from('service%3Aorders:s%2Fecret').toString('base64')}`

const formatRevoked = (entries: readonly RevocationEntry[]): string =>
  `event: revoked\ndata: ${JSON.stringify(entries)}\n\n`

function createFeed(): TestFeed {
  const feed: TestFeed = {
    entries: [],
    seq: 0,
    completes: true,
    readers: new Set(),
    resumed: [],
    tell(entry) {
      feed.seq += 1
      feed.send(`id: ${feed.seq}\n${formatRevoked([entry])}`)
    },
    send(text) {
      for (const reader of feed.readers) reader.write(text)
    },
  }
  return feed
}

function startReader(feed: TestFeed, request: IncomingMessage, response: ServerResponse): void {
  const resumed = request.headers['last-event-id']
  feed.resumed.push(typeof resumed === 'string' ? resumed : undefined)
  feed.readers.add(response)
  response.on('close', () => feed.readers.delete(response))
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write('retry: 1000\n\n')
  if (resumed === undefined && feed.entries.length > 0) response.write(formatRevoked(feed.entries))
  if (feed.completes) response.write(`id: ${feed.seq}\nevent: current\ndata: {}\n\n`)
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  let body = ''
  for await (const chunk of request) body += String(chunk)
  return new URLSearchParams(body)
}
