import { writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { request as requestByTls } from 'node:https'
import { join } from 'node:path'
import { bundle } from '../../scripts/bundle.mjs'
import { compare } from '../comparison.mjs'
import { startScript } from '../contestants.mjs'
import { issuerHost } from '../requests.mjs'
import { median } from '../rounds.mjs'
import { makeFolder, prepareSite } from '../site.mjs'

const people = 20
/** Milliseconds that Gatehouse itself may take. */
const limit = 10

/** Addresses of this machine itself: each is another client to every limit. */
const addressOf = (index) => `127.1.${index >> 8}.${index & 255 || 1}`

/**
 * What Gatehouse itself takes of a sign-in at an OpenID provider, one after the other: from being sent there until being sent
 * on, without the time that the provider takes for its answers.
 * @param {import('../run.mjs').Bench} bench
 */
export async function measureFederation(bench) {
  const folder = makeFolder('federation')
  const { certificate, files } = await makeCertificate(folder)
  const provider = await startScript('an OpenID provider', 'openid-provider.mjs', files)
  const site = await prepareSite({
    ...{ database: './gatehouse.db', upstreamPort: bench.upstreamPort, users: 0 },
    more: `providers:
  corp: { kind: oidc, issuer: https://localhost:${provider.port}, client_id: bench, client_secret: "\${BENCH_SECRET}", private_network: true, userinfo: false }
`,
    moreEnv: { NODE_EXTRA_CA_CERTS: files[0] },
  })
  const gatehouse = await site.start()
  const agents = []
  const own = []
  const theirs = []
  const bare = []
  const samples = bench.quick ? 100 : 400
  // Everybody has been here before when it counts.
  for (let index = 0; index < samples + 2 * people; index += 1) {
    const agent = new Agent({ keepAlive: true, localAddress: addressOf(index) })
    agents.push(agent)
    await readTook(provider.port, certificate)
    const taken = await signIn({ port: gatehouse.port, agent }, `person-${index % people}`)
    const askedAt = performance.now()
    const took = await readTook(provider.port, certificate)
    const passed = performance.now() - askedAt
    if (index < 2 * people) continue
    own.push(taken - took)
    theirs.push(took)
    bare.push(passed)
  }
  for (const agent of agents) agent.destroy()
  await Promise.all([gatehouse, provider].map((server) => server.stop()))
  const [here, there, request] = [own, theirs, bare].map((list) => median(list).toFixed(2))
  bench.say(`Gatehouse ${here} ms, of which a new TLS connection may take ${request}; the provider ${there} ms besides`)
  const name = 'ms of Gatehouse itself in a sign-in at an OpenID provider, the median, against the limit of 10'
  return { measured: {}, rows: [compare(name, median(own), limit, { atMost: 1 })] }
}

/** One sign-in of a browser that is new; the milliseconds of what it asked Gatehouse from being sent to the provider on. */
async function signIn(gatehouse, subject) {
  const cookies = new Map()
  const send = (path) => get(gatehouse, path, cookies)
  const { location: page = '' } = await send('/login')
  const flow = new URL(page, `https://${issuerHost}`).searchParams.get('flow')
  const sentAt = performance.now()
  const sent = await send(`/federation/corp/start?flow=${flow}`)
  const going = performance.now() - sentAt
  const { searchParams } = new URL(sent.location ?? `https://none.example?${sent.status}`)
  const answer = JSON.stringify({ subject, nonce: searchParams.get('nonce') })
  const query = new URLSearchParams({
    code: Buffer.from(answer).toString('base64url'),
    state: searchParams.get('state') ?? '',
  })
  const backAt = performance.now()
  const { status, location } = await send(`/federation/corp/callback?${query}`)
  if (status >= 400) throw new Error(`coming back was answered ${status} ${location}`)
  return going + performance.now() - backAt
}

/** An answer's status and where it leads; cookies are kept. */
function get({ port, agent }, path, cookies) {
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const headers = { host: issuerHost, ...(cookie && { cookie }) }
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, headers, agent }, (answer) => {
      for (const header of answer.headers['set-cookie'] ?? []) {
        const [pair] = header.split(';')
        cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1))
      }
      answer.resume().on('end', () => resolve({ status: answer.statusCode, location: answer.headers.location }))
    })
      .on('error', reject)
      .end()
  })
}

/** Milliseconds that the provider's answers took since this was asked last. */
function readTook(port, ca) {
  return new Promise((resolve, reject) => {
    requestByTls({ host: 'localhost', port, path: '/took', ca, family: 4, agent: false }, async (answer) => {
      resolve(Number(Buffer.concat(await answer.toArray()).toString()))
    })
      .on('error', reject)
      .end()
  })
}

/** A certificate of the provider's name, and files with that and its key. */
async function makeCertificate(folder) {
  const entry = { certificates: 'src/testing/certificates.ts' }
  await bundle({ folder: 'packages/auth', entry, outDir: folder })
  const { buildCertificate } = await import(join(folder, 'certificates.mjs'))
  const { cert, key } = buildCertificate({
    subject: [['CN', 'localhost']],
    names: [{ kind: 'dns', text: 'localhost' }],
    authority: true,
  })
  const files = [join(folder, 'certificate.pem'), join(folder, 'key.pem')]
  writeFileSync(files[0], cert)
  writeFileSync(files[1], key)
  return { certificate: cert, files }
}
