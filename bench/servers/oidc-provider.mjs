// npm oidc-provider with everything in memory: a Map as its adapter, JWT access tokens with ES256 for the resource
// urn:bench:jwt, opaque ones for urn:bench:opaque (its JWTs cannot be introspected). GET /grants?count=… answers with
// refresh tokens made without a browser, GET /codes?count=…&client=…&challenge=… with codes. Arguments: port, client id,
// client secret and, where clients prove themselves by keys, the public JWK of bench-key.
import { generateKeyPairSync } from 'node:crypto'
import http from 'node:http'
import Provider from 'oidc-provider'

const [port, clientId, clientSecret, assertionKey] = process.argv.slice(2)
const entries = new Map()
const byGrant = new Map()

class MapAdapter {
  constructor(name) {
    this.name = name
  }
  async upsert(id, payload) {
    const key = `${this.name}:${id}`
    entries.set(key, payload)
    if (!payload.grantId || this.name === 'Grant') return
    const keys = byGrant.get(payload.grantId) ?? []
    keys.push(key)
    byGrant.set(payload.grantId, keys)
  }
  async find(id) {
    return entries.get(`${this.name}:${id}`)
  }
  async findByUid() {}
  async findByUserCode() {}
  async destroy(id) {
    entries.delete(`${this.name}:${id}`)
  }
  async consume(id) {
    const entry = entries.get(`${this.name}:${id}`)
    if (entry) entry.consumed = Math.floor(Date.now() / 1000)
  }
  async revokeByGrantId(id) {
    for (const key of byGrant.get(id) ?? []) entries.delete(key)
    byGrant.delete(id)
  }
}

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const key = { ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: 'bench' }
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' })
const rsaKey = { ...rsa, alg: 'RS256', use: 'sig', kid: 'bench-rsa' }
const app = {
  client_secret: clientSecret,
  grant_types: ['client_credentials', 'refresh_token', 'authorization_code'],
  response_types: ['code'],
  redirect_uris: ['https://app.example.com/callback'],
  token_endpoint_auth_method: 'client_secret_basic',
}
const byKey = {
  client_id: 'bench-key',
  grant_types: ['client_credentials'],
  response_types: [],
  redirect_uris: [],
  token_endpoint_auth_method: 'private_key_jwt',
}
const resource = 'urn:bench:jwt'
const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter: MapAdapter,
  jwks: { keys: [key, rsaKey] },
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  clients: [
    { ...app, client_id: clientId },
    { ...app, client_id: 'bench-rs256', id_token_signed_response_alg: 'RS256' },
    ...(assertionKey === undefined ? [] : [{ ...byKey, jwks: { keys: [JSON.parse(assertionKey)] } }]),
  ],
  scopes: ['openid', 'offline_access', 'orders:read'],
  rotateRefreshToken: true,
  issueRefreshToken: async () => true,
  findAccount: async (_context, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    dPoP: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      useGrantedResource: () => true,
      getResourceServerInfo: (_context, name) => ({
        scope: 'orders:read',
        audience: name,
        accessTokenTTL: 7200,
        accessTokenFormat: name === resource ? 'jwt' : 'opaque',
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
})
provider.on('server_error', (_context, error) => console.error(error))

async function makeRefreshToken(client) {
  const grant = new provider.Grant({ clientId, accountId: 'usr_bench' })
  grant.addOIDCScope('offline_access')
  grant.addResourceScope(resource, 'orders:read')
  const token = new provider.RefreshToken({
    client,
    accountId: 'usr_bench',
    grantId: await grant.save(),
    scope: 'offline_access orders:read',
    resource,
    gty: 'authorization_code',
    authTime: Math.floor(Date.now() / 1000),
    claims: {},
    amr: ['pwd'],
    expiresWithSession: false,
  })
  return token.save()
}

async function makeCode(client, codeChallenge) {
  const grant = new provider.Grant({ clientId: client.clientId, accountId: 'usr_bench' })
  grant.addOIDCScope('openid offline_access')
  grant.addResourceScope(resource, 'orders:read')
  const code = new provider.AuthorizationCode({
    client,
    accountId: 'usr_bench',
    grantId: await grant.save(),
    redirectUri: 'https://app.example.com/callback',
    scope: 'openid offline_access orders:read',
    resource,
    codeChallenge,
    codeChallengeMethod: 'S256',
    authTime: Math.floor(Date.now() / 1000),
    claims: {},
    amr: ['pwd'],
    expiresWithSession: false,
  })
  return code.save()
}

async function makeMany(count, make) {
  const made = []
  for (let index = 0; index < count; index += 1) made.push(await make())
  return made
}

const answer = provider.callback()
http
  .createServer({ keepAliveTimeout: 60_000 }, async (request, response) => {
    const url = new URL(request.url, 'http://localhost')
    const { count, client: id = clientId, challenge } = Object.fromEntries(url.searchParams)
    if (url.pathname !== '/grants' && url.pathname !== '/codes') return answer(request, response)
    const client = await provider.Client.find(id)
    const make = url.pathname === '/grants' ? () => makeRefreshToken(client) : () => makeCode(client, challenge)
    response.end(JSON.stringify(await makeMany(Number(count), make)))
  })
  .listen(Number(port), '127.0.0.1')
