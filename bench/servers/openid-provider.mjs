// An OpenID provider that knows whoever the code says: codes are { subject, nonce } in base64url. Arguments: port, and files with
// the certificate and its key. GET /took answers the milliseconds that its answers took since that was asked last.
import { generateKeyPairSync, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'

const [port, certificate, key] = process.argv.slice(2)
const issuer = `https://localhost:${port}`
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'bench', alg: 'ES256', use: 'sig' }
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')

function signIdToken({ subject, nonce }) {
  const iat = Math.floor(Date.now() / 1000)
  const claims = { iss: issuer, aud: 'bench', sub: subject, preferred_username: subject, nonce, iat, exp: iat + 300 }
  const content = `${encode({ alg: 'ES256', kid: jwk.kid })}.${encode(claims)}`
  const signature = sign('sha256', Buffer.from(content), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return `${content}.${signature.toString('base64url')}`
}

const answers = {
  '/.well-known/openid-configuration': () => ({
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/keys`,
    id_token_signing_alg_values_supported: ['ES256'],
    code_challenge_methods_supported: ['S256'],
  }),
  '/keys': () => ({ keys: [jwk] }),
  '/token': (form) => ({
    access_token: 'bench',
    token_type: 'Bearer',
    expires_in: 300,
    id_token: signIdToken(JSON.parse(Buffer.from(form.get('code') ?? '', 'base64url').toString())),
  }),
}

let took = 0
createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, async (request, response) => {
  if (request.url === '/took') {
    response.end(JSON.stringify(took))
    took = 0
    return
  }
  const startedAt = performance.now()
  response.on('finish', () => {
    took += performance.now() - startedAt
  })
  const chunks = await request.toArray()
  const answer = answers[request.url]?.(new URLSearchParams(Buffer.concat(chunks).toString()))
  response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(answer ?? {}))
}).listen(Number(port), '127.0.0.1')
