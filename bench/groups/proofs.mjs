import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { compare } from '../comparison.mjs'
import { startScript } from '../contestants.mjs'
import { sendingOnce } from '../once.mjs'
import { basic, formatFormPost, issuer, issuerHost } from '../requests.mjs'
import { measureInRounds } from '../rounds.mjs'
import { assertionJwk, assertionKeys, client, keyClientId } from '../site.mjs'

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
const signJwt = (header, claims, key) => {
  const text = `${encode(header)}.${encode(claims)}`
  const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' })
  return `${text}.${signature.toString('base64url')}`
}
const now = () => Math.floor(Date.now() / 1000)
const newJti = () => randomBytes(12).toString('base64url')
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/**
 * client_credentials with private_key_jwt, and with a DPoP proof: every assertion and every proof is used once.
 * @param {import('../run.mjs').Bench} bench
 */
export async function measureProofs(bench) {
  const gatehouse = await bench.site.start()
  const provider = await startScript('oidc-provider', 'oidc-provider.mjs', [
    client.id,
    client.secret,
    JSON.stringify(assertionJwk()),
  ])
  const providerIssuer = `http://127.0.0.1:${provider.port}`
  const common = { grant_type: 'client_credentials', scope: 'orders:read' }

  const byAssertion = (server, path, audience, more) => ({
    name: `${server.name}, private_key_jwt`,
    make: async (count) =>
      Array.from({ length: count }, () => {
        const claims = {
          iss: keyClientId,
          sub: keyClientId,
          aud: audience,
          iat: now(),
          exp: now() + 240,
          jti: newJti(),
        }
        const client_assertion = signJwt({ alg: 'ES256', kid: 'bench' }, claims, assertionKeys.privateKey)
        const form = { ...common, ...more, client_assertion, client_assertion_type: assertionType }
        return formatFormPost(path, form)
      }),
  })
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = publicKey.export({ format: 'jwk' })
  const headers = basic(client.id, client.secret)
  const byProof = (server, path, url, more) => ({
    name: `${server.name}, DPoP`,
    async make(count) {
      const nonce = await askForNonce(server, path, { ...common, ...more }, headers)
      return Array.from({ length: count }, () => {
        const claims = { jti: newJti(), htm: 'POST', htu: url, iat: now(), ...(nonce ? { nonce } : {}) }
        const dpop = signJwt({ typ: 'dpop+jwt', alg: 'ES256', jwk }, claims, privateKey)
        return formatFormPost(path, { ...common, ...more }, { ...headers, dpop })
      })
    },
  })
  const askForNonce = async (server, path, form, authorization) => {
    const claims = { jti: newJti(), htm: 'POST', htu: `${issuer}${path}`, iat: now() }
    const dpop = signJwt({ typ: 'dpop+jwt', alg: 'ES256', jwk }, claims, privateKey)
    const { request } = await import('undici')
    const answer = await request(`http://127.0.0.1:${server.port}${path}`, {
      method: 'POST',
      headers: { host: issuerHost, 'content-type': 'application/x-www-form-urlencoded', ...authorization, dpop },
      body: new URLSearchParams(form).toString(),
    })
    await answer.body.dump()
    return answer.headers['dpop-nonce']
  }
  const jwt = { resource: 'urn:bench:jwt' }
  const measured = await measureInRounds(
    [
      sendingOnce(bench, gatehouse, byAssertion(gatehouse, '/oauth/token', issuer)),
      sendingOnce(bench, provider, byAssertion(provider, '/token', providerIssuer, jwt)),
      sendingOnce(bench, gatehouse, byProof(gatehouse, '/oauth/token', `${issuer}/oauth/token`)),
      // It takes its address from the Host header of each request.
      sendingOnce(bench, provider, byProof(provider, '/token', `http://${issuerHost}/token`, jwt)),
    ],
    bench,
  )
  await Promise.all([gatehouse, provider].map((server) => server.stop()))
  const against = (way) => [measured[`Gatehouse, ${way}`].rate, measured[`oidc-provider, ${way}`].rate]
  return {
    measured,
    rows: [
      compare(
        'client_credentials per second with private_key_jwt, against oidc-provider in memory',
        ...against('private_key_jwt'),
        { atLeast: 1.3 },
      ),
      compare('client_credentials per second with DPoP, against oidc-provider in memory', ...against('DPoP'), {
        atLeast: 1.3,
      }),
    ],
  }
}
