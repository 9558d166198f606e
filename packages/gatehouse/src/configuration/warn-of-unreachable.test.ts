import { describe, expect, it } from 'vitest'
import { checkConfiguration } from './load.ts'
import { readConfigurationText } from './read-file.ts'
import type { ResolvedConfiguration } from './resolve.ts'

const key = Buffer.from(Array.from({ length: 32 }, (_, index) => index * 7 + 3)).toString('base64')

/** A file with one client, which has these keys beside its secret. */
function load(keys: Readonly<Record<string, unknown>>, development = false): ResolvedConfiguration {
  const issuer = development ? 'http://localhost:8080' : 'https://auth.example.com'
  const client = { secret: 'kD93nfXqW0aLr8Zt5uYvB2cMhE7gPsJ4', redirect_uris: ['https://app.example/cb'], ...keys }
  const lines = Object.entries(client).map(([name, value]) => `    ${name}: ${JSON.stringify(value)}`)
  const text = [`issuer: ${issuer}`, `master_key: ${key}`, 'clients:', '  web:', ...lines, ''].join('\n')
  return checkConfiguration(readConfigurationText(text, 'gatehouse.yaml', {}), { development, environment: {} })
}

describe('a client in a private network', () => {
  it.each([
    ['10.1.2.3', 'backchannel_logout_uri'],
    ['192.168.0.1:8443', 'jwks_uri'],
    ['[fd00::1]', 'backchannel_client_notification_endpoint'],
    ['127.0.0.1', 'backchannel_logout_uri'],
    ['localhost', 'backchannel_logout_uri'],
  ])('at %s is warned of, by file, line and key, and not where the file says that it may be there', (host, name) => {
    const keys = { [name]: `https://${host}/x` }
    expect(load(keys).warnings).toEqual([
      expect.stringMatching(new RegExp(`^gatehouse.yaml:7: clients.web.${name}: .* add private_network: true`)),
    ])
    const allowed = load({ ...keys, private_network: true })
    expect(allowed.warnings).toEqual([])
    expect(allowed.auth.clients[0]?.permissions.privateNetwork).toBe(true)
  })

  it('has the places of its request objects warned of', () => {
    const { warnings } = load({ request_uris: ['https://app.example/1', 'https://10.0.0.1/2'] })
    expect(warnings).toEqual([expect.stringContaining('clients.web.request_uris[1]: is not asked')])
  })

  it('is never asked at a link-local address, which is said', () => {
    for (const private_network of [true, false]) {
      const { warnings } = load({ backchannel_logout_uri: 'https://169.254.169.254/', private_network })
      expect(warnings).toEqual([expect.stringMatching(/backchannel_logout_uri: is never asked.* link-local/)])
    }
  })

  it('is nothing to warn of at a public address or a name, nor on this machine in development', () => {
    expect(load({ backchannel_logout_uri: 'https://app.example/ended' }).warnings).toEqual([])
    expect(load({ backchannel_logout_uri: 'https://93.184.216.34/ended' }).warnings).toEqual([])
    expect(load({ backchannel_logout_uri: 'http://127.0.0.1:4005/ended' }, true).warnings).toEqual([])
  })
})

describe('a trusted issuer in a private network', () => {
  it('is warned of, since its keys are never asked for there', () => {
    const client = { subject: 'system:serviceaccount:a:b', client: 'job' }
    const cluster = { issuer: 'https://cluster.example', jwks_uri: 'https://10.96.0.1/jwks', clients: [client] }
    const job = { public: true, grant_types: ['urn:ietf:params:oauth:grant-type:jwt-bearer'] }
    const file = { issuer: 'https://auth.example.com', master_key: key, clients: { job }, trusted_issuers: { cluster } }
    const read = readConfigurationText(JSON.stringify(file), 'gatehouse.yaml', {})
    expect(checkConfiguration(read, { development: false, environment: {} }).warnings).toEqual([
      expect.stringMatching(/trusted_issuers.cluster.jwks_uri: is not asked .* write its keys here, as jwks$/),
    ])
  })
})
