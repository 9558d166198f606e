// npm oidc-provider with everything in memory: a Map as its adapter, JWT access tokens with ES256 for the resource
// urn:bench:jwt, opaque ones for urn:bench:opaque (its JWTs cannot be introspected). GET /grants?count=… answers with
// refresh tokens made without a browser. Arguments: port, client id, client secret.
import { generateKeyPairSync } from 'node:crypto'
import http from 'node:http'
import Provider from 'oidc-provider'

const [port, clientId, clientSecret] = process.argv.slice(2)
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
const resource = 'urn:bench:jwt'
const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter: MapAdapter,
  jwks: { keys: [key] },
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  clients: [
    {
      client_id: clientId,
      client_secret: clientSecret,
      grant_types: ['client_credentials', 'refresh_token', 'authorization_code'],
      response_types: ['code'],
      redirect_uris: ['https://app.example.com/callback'],
      token_endpoint_auth_method: 'client_secret_basic',
    },
  ],
  scopes: ['openid', 'offline_access', 'orders:read'],
  rotateRefreshToken: true,
  issueRefreshToken: async () => true,
  findAccount: async (_context, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
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

const answer = provider.callback()
http
  .createServer({ keepAliveTimeout: 60_000 }, async (request, response) => {
    const url = new URL(request.url, 'http://localhost')
    if (url.pathname !== '/grants') return answer(request, response)
    const client = await provider.Client.find(clientId)
    const tokens = []
    for (let index = 0; index < Number(url.searchParams.get('count')); index += 1) {
      tokens.push(await makeRefreshToken(client))
    }
    response.end(JSON.stringify(tokens))
  })
  .listen(Number(port), '127.0.0.1')
