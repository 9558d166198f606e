import { join } from 'node:path'
import { compare } from '../comparison.mjs'
import { startScript } from '../contestants.mjs'
import { basic, formatFormPost, writeRequests } from '../requests.mjs'
import { measureInRounds } from '../rounds.mjs'
import { client } from '../site.mjs'
import { issueTokens } from '../tokens.mjs'
import { runWrk } from '../wrk.mjs'

/**
 * Introspection over 2,000 tokens in rotation: Gatehouse's JWTs against oidc-provider's opaque tokens, since its JWTs
 * cannot be introspected.
 * @param {import('../run.mjs').Bench} bench
 */
export async function measureIntrospection(bench) {
  const gatehouse = await bench.site.start()
  const provider = await startScript('oidc-provider', 'oidc-provider.mjs', [client.id, client.secret])
  const load = (server, path, tokens) => {
    const requests = tokens.map((token) => formatFormPost(path, { token }, basic(client.id, client.secret)))
    const file = writeRequests(join(bench.folder, `introspection-${server.port}`), requests)
    return {
      name: server.name,
      load: (seconds) => runWrk(server, { script: 'rotate.lua', args: [file] }, seconds),
    }
  }
  const opaque = { path: '/token', more: '&resource=urn:bench:opaque' }
  const measured = await measureInRounds(
    [
      load(gatehouse, '/oauth/introspect', await issueTokens(gatehouse, 2000)),
      load(provider, '/token/introspection', await issueTokens(provider, 2000, opaque)),
    ],
    bench,
  )
  await Promise.all([gatehouse, provider].map((server) => server.stop()))
  return {
    measured,
    rows: [
      compare(
        'introspections per second over 2,000 tokens, against oidc-provider',
        measured.Gatehouse.rate,
        measured['oidc-provider'].rate,
        { atLeast: 3.5 },
      ),
    ],
  }
}
