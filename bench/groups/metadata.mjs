import { join } from 'node:path'
import { compare } from '../comparison.mjs'
import { startScript } from '../contestants.mjs'
import { formatJsonPost, formatRequest, issuerHost, writeRequests } from '../requests.mjs'
import { measureInRounds } from '../rounds.mjs'
import { runWrk } from '../wrk.mjs'

const documents = {
  discovery: '/.well-known/openid-configuration',
  'key set': '/.well-known/jwks.json',
}

/**
 * The discovery document and the key set, against an echo of the same JSON.
 * @param {import('../run.mjs').Bench} bench
 */
export async function measureMetadata(bench) {
  const gatehouse = await bench.site.start()
  const echo = await startScript('bare echo', 'echo.mjs')
  const load = (server, name, request) => {
    const file = writeRequests(join(bench.folder, `metadata-${server.port}-${name.replaceAll(' ', '-')}`), [request])
    return {
      name: `${server.name}, ${name}`,
      load: (seconds) => runWrk(server, { script: 'rotate.lua', args: [file] }, seconds),
    }
  }
  const { request } = await import('undici')
  const contestants = []
  for (const [name, path] of Object.entries(documents)) {
    const { body } = await request(`http://127.0.0.1:${gatehouse.port}${path}`, { headers: { host: issuerHost } })
    const document = await body.json()
    contestants.push(load(gatehouse, name, formatRequest('GET', path)), load(echo, name, formatJsonPost('/', document)))
  }
  const measured = await measureInRounds(contestants, bench)
  await Promise.all([gatehouse, echo].map((server) => server.stop()))
  return {
    measured,
    rows: Object.keys(documents).map((name) =>
      compare(
        `${name} per second, against a bare echo of the same JSON`,
        measured[`Gatehouse, ${name}`].rate,
        measured[`bare echo, ${name}`].rate,
        { atLeast: 0.8 },
      ),
    ),
  }
}
