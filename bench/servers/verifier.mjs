// The limit for tokens that were never seen: parses a JSON body and verifies the ES256 signature of its token with
// node:crypto, nothing else; answers with the claims. Arguments: port, a file with the public key as a JWK.
import { createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import http from 'node:http'

const [port, keyFile] = process.argv.slice(2)
const key = createPublicKey({ key: JSON.parse(readFileSync(keyFile, 'utf8')), format: 'jwk' })

http
  .createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      const { token } = JSON.parse(body)
      const [header, payload, signature] = token.split('.')
      const signed = Buffer.from(token.slice(0, header.length + 1 + payload.length), 'latin1')
      const good = verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'))
      const text = good ? Buffer.from(payload, 'base64url').toString() : '{}'
      response.writeHead(good ? 200 : 401, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(text),
      })
      response.end(text)
    })
  })
  .listen(Number(port), '127.0.0.1')
