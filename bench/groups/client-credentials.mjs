import { join } from 'node:path'
import { compare } from '../comparison.mjs'
import { startScript } from '../contestants.mjs'
import { basic, formatFormPost, writeRequests } from '../requests.mjs'
import { measureInRounds } from '../rounds.mjs'
import { client } from '../site.mjs'
import { runWrk } from '../wrk.mjs'

/**
 * client_credentials: form, client secret, one ES256 signature.
 * @param {import('../run.mjs').Bench} bench
 */
export async function measureClientCredentials(bench) {
  const gatehouse = await bench.site.start()
  const provider = await startScript('oidc-provider', 'oidc-provider.mjs', [client.id, client.secret])
  const signer = await startScript('bare signing', 'signer.mjs', [client.id, client.secret])

  const load = (server, path, more) => {
    const form = { grant_type: 'client_credentials', scope: 'orders:read', ...more }
    const request = formatFormPost(path, form, basic(client.id, client.secret))
    const file = writeRequests(join(bench.folder, `client-credentials-${server.port}`), [request])
    return {
      name: server.name,
      load: (seconds) => runWrk(server, { script: 'rotate.lua', args: [file] }, seconds),
    }
  }
  const measured = await measureInRounds(
    [load(gatehouse, '/oauth/token'), load(provider, '/token', { resource: 'urn:bench:jwt' }), load(signer, '/token')],
    bench,
  )
  await Promise.all([gatehouse, provider, signer].map((server) => server.stop()))
  const { rate } = measured.Gatehouse
  return {
    measured,
    rows: [
      compare('client_credentials per second, against oidc-provider', rate, measured['oidc-provider'].rate, {
        atLeast: 2,
      }),
      compare('client_credentials per second, against bare signing', rate, measured['bare signing'].rate, {
        atLeast: 0.9,
        isLimit: true,
      }),
    ],
  }
}
