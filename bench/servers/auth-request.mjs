// The service that nginx asks by auth_request: verifies the ES256 JWT through a cache. Arguments: port, a file with the
// public key as a JWK.
import { createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import { LRUCache } from 'lru-cache'

const [port, keyFile] = process.argv.slice(2)
const key = createPublicKey({ key: JSON.parse(readFileSync(keyFile, 'utf8')), format: 'jwk' })
const cache = new LRUCache({ max: 10_000 })

function findClaims(header) {
  if (!header?.startsWith('Bearer ')) return undefined
  const token = header.slice(7)
  const known = cache.get(token)
  if (known) return known.exp * 1000 > Date.now() ? known : undefined
  const [, payload, signature] = token.split('.')
  if (signature === undefined) return undefined
  const signed = Buffer.from(token.slice(0, token.lastIndexOf('.')), 'latin1')
  if (!verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url')))
    return undefined
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
  if (claims.exp * 1000 <= Date.now()) return undefined
  cache.set(token, claims)
  return claims
}

http
  .createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const claims = findClaims(request.headers.authorization)
    response.writeHead(
      claims ? 200 : 401,
      claims ? { 'content-length': 0, 'x-user': claims.sub } : { 'content-length': 0 },
    )
    response.end()
  })
  .listen(Number(port), '127.0.0.1')
