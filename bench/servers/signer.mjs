// The limit of client_credentials on node:http: parses the form, compares the secret's hash, signs a JWT with ES256 and
// answers. Arguments: port, client id, client secret.
import { createHash, generateKeyPairSync, randomBytes, sign, timingSafeEqual } from 'node:crypto'
import http from 'node:http'

const [port, clientId, clientSecret] = process.argv.slice(2)
const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
const header = encode({ alg: 'ES256', typ: 'at+jwt', kid: 'bench' })
const sha256 = (text) => createHash('sha256').update(text).digest()
const secretHash = sha256(clientSecret)
const lifetime = 7200

function authenticates({ authorization = '' }) {
  if (!authorization.startsWith('Basic ')) return false
  const [id, secret] = Buffer.from(authorization.slice(6), 'base64').toString().split(':')
  return id === clientId && timingSafeEqual(sha256(secret ?? ''), secretHash)
}

function issue(scope) {
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: 'https://auth.example.com',
    sub: clientId,
    client_id: clientId,
    aud: 'https://auth.example.com',
    scope,
    iat: now,
    exp: now + lifetime,
    jti: randomBytes(16).toString('base64url'),
  }
  const signed = `${header}.${encode(claims)}`
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' })
  return `${signed}.${signature.toString('base64url')}`
}

http
  .createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    let body = ''
    request.setEncoding('latin1')
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      const form = new URLSearchParams(body)
      const good = authenticates(request.headers) && form.get('grant_type') === 'client_credentials'
      const scope = form.get('scope') ?? ''
      const answer = good
        ? { access_token: issue(scope), token_type: 'Bearer', expires_in: lifetime, scope }
        : { error: 'invalid_client' }
      const text = JSON.stringify(answer)
      response.writeHead(good ? 200 : 401, {
        'content-type': 'application/json',
        'cache-control': 'no-store',
        'content-length': Buffer.byteLength(text),
      })
      response.end(text)
    })
  })
  .listen(Number(port), '127.0.0.1')
