// Verifies tokens in a loop as a service would, each decoded anew from bytes, and says how many it came to. Arguments: what
// verifies (guard, fast-jwt, bare), a file with issuer, audience, key and tokens as JSON, seconds. Writes one line of JSON.
import { createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { createVerifier } from 'fast-jwt'
import { createGuard } from '../../packages/guard/dist/index.mjs'

const [name, file, seconds] = process.argv.slice(2)
const { issuer, audience, key, tokens } = JSON.parse(readFileSync(file, 'utf8'))
const bytes = tokens.map((token) => Buffer.from(token, 'latin1'))

/** An issuer without a network: its metadata, its key, and a feed on which nothing is revoked but something lives. */
function answer(url) {
  const json = { 'content-type': 'application/json' }
  if (url.endsWith('/feed')) {
    const encoder = new TextEncoder()
    const start = (controller) => {
      controller.enqueue(encoder.encode('id: 1\nevent: current\ndata: {}\n\n'))
      setInterval(() => controller.enqueue(encoder.encode(': alive\n\n')), 2000).unref()
    }
    return new Response(new ReadableStream({ start }), { headers: { 'content-type': 'text/event-stream' } })
  }
  if (url.endsWith('/jwks')) return new Response(JSON.stringify({ keys: [key] }), { headers: json })
  const metadata = { issuer, jwks_uri: `${issuer}/jwks`, revocation_feed_endpoint: `${issuer}/feed` }
  return new Response(JSON.stringify(metadata), { headers: json })
}

async function buildGuard() {
  const client = { id: 'service:orders', secret: 'none' }
  const guard = createGuard({ issuer, audience, client, fetch: async (url) => answer(String(url)) })
  while (!guard.isCurrent) await setImmediate()
  return (token) => guard.verify(token)
}

function buildFastJwt() {
  const pem = createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  const check = createVerifier({
    key: pem,
    algorithms: ['ES256'],
    allowedIss: issuer,
    allowedAud: audience,
    cache: 10_000,
  })
  return (token) => check(token)
}

function buildBare() {
  const publicKey = createPublicKey({ key, format: 'jwk' })
  return (token) => {
    const end = token.lastIndexOf('.')
    const signed = Buffer.from(token.slice(0, end), 'latin1')
    const signature = Buffer.from(token.slice(end + 1), 'base64url')
    if (!verify('sha256', signed, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)) throw new Error('bad')
    return JSON.parse(Buffer.from(token.slice(token.indexOf('.') + 1, end), 'base64url').toString())
  }
}

const builders = { guard: buildGuard, 'fast-jwt': buildFastJwt, bare: buildBare }
const check = await builders[name]()

async function runFor(milliseconds) {
  const startedAt = performance.now()
  const usedAt = process.cpuUsage()
  let requests = 0
  while (performance.now() - startedAt < milliseconds) {
    for (let index = 0; index < 500; index += 1) {
      // A header value as it comes from a socket: a string that nobody has hashed yet.
      await check(bytes[requests % bytes.length].latin1Slice())
      requests += 1
    }
    await setImmediate()
  }
  const { user, system } = process.cpuUsage(usedAt)
  return { requests, seconds: (performance.now() - startedAt) / 1000, processor: user + system }
}

// Each process warms up by itself; over tokens that are never seen again there is nothing to get warm but the code.
await runFor(1000)
process.stdout.write(`${JSON.stringify(await runFor(Number(seconds) * 1000))}\n`)
process.exit(0)
