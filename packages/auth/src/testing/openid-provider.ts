import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWK, type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose'

/** Answers one request in place of what the provider would answer. */
export type Answering = (request: { readonly form: URLSearchParams }, response: ServerResponse) => void | Promise<void>

/** An OpenID provider for tests, which answers whatever it is told to. It checks nothing. */
export interface TestOpenIdProvider {
  readonly issuer: string
  readonly clientId: string
  readonly privateKey: CryptoKey
  readonly publicJwk: JWK
  /** Paths that were asked, in order, and what was posted there. */
  readonly requests: {
    readonly path: string
    readonly form: URLSearchParams
    readonly headers: IncomingMessage['headers']
  }[]
  /** What the document says besides. */
  metadata: Readonly<Record<string, unknown>>
  /** What is answered at a path from now on. */
  readonly answers: Map<string, Answering>
  /** Answers whoever is sent there to sign in, whose request this is. */
  onVisit: ((asked: URLSearchParams, response: ServerResponse) => void | Promise<void>) | undefined
  /** What userinfo says. */
  userinfo: Readonly<Record<string, unknown>>
  /** A good ID token with what is given in place of what is good; `undefined` takes a claim away. */
  signIdToken(
    claims?: Readonly<Record<string, unknown>>,
    header?: Partial<JWTHeaderParameters>,
    key?: CryptoKey,
  ): Promise<string>
  /** From now on the token endpoint answers so. */
  giveTokens(answer: Readonly<Record<string, unknown>>, status?: number): void
  close(): Promise<void>
}

type CryptoKey = Awaited<ReturnType<typeof generateKeyPair>>['privateKey']

/** Answers with JSON. */
export function answerJson(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

let made: ReturnType<typeof generateKeyPair> | undefined
/** One for all of a test file: making an RSA pair takes longer than most tests. */
const keyPair = (): ReturnType<typeof generateKeyPair> => {
  made ??= generateKeyPair('RS256', { extractable: true })
  return made
}

/** Starts it on a free port of loopback. */
export async function startOpenIdProvider(now: () => number): Promise<TestOpenIdProvider> {
  const { privateKey, publicKey } = await keyPair()
  const publicJwk = { ...(await exportJWK(publicKey)), kid: 'first', alg: 'RS256', use: 'sig' }
  const answers = new Map<string, Answering>()
  const requests: TestOpenIdProvider['requests'] = []
  const server = createServer(async (request, response) => {
    const { pathname: path, searchParams } = new URL(request.url ?? '', 'http://localhost')
    const form = new URLSearchParams(await readAll(request))
    requests.push({ path, form, headers: request.headers })
    if (path === '/authorize' && provider.onVisit) return provider.onVisit(searchParams, response)
    await (answers.get(path) ?? ((_, to) => answerJson(to, {}, 404)))({ form }, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}` // TCP

  const provider: TestOpenIdProvider = {
    issuer,
    clientId: 'gatehouse',
    privateKey,
    publicJwk,
    requests,
    answers,
    onVisit: undefined,
    metadata: {},
    userinfo: { sub: 'person-1' },
    signIdToken(claims = {}, header = {}, key = privateKey) {
      const payload = {
        ...{ iss: issuer, aud: 'gatehouse', sub: 'person-1', iat: now(), exp: now() + 300 },
        ...claims,
      } as JWTPayload // a test may say anything
      return new SignJWT(payload).setProtectedHeader({ alg: 'RS256', kid: 'first', ...header }).sign(key)
    },
    giveTokens(answer, status) {
      answers.set('/token', (_, response) => answerJson(response, answer, status))
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  answers.set('/.well-known/openid-configuration', (_, response) =>
    answerJson(response, {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      userinfo_endpoint: `${issuer}/userinfo`,
      jwks_uri: `${issuer}/keys`,
      end_session_endpoint: `${issuer}/logout`,
      id_token_signing_alg_values_supported: ['RS256'],
      code_challenge_methods_supported: ['S256'],
      ...provider.metadata,
    }),
  )
  answers.set('/keys', (_, response) => answerJson(response, { keys: [publicJwk] }))
  answers.set('/userinfo', (_, response) => answerJson(response, provider.userinfo))
  return provider
}

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer) // no encoding was set
  return Buffer.concat(chunks).toString()
}
