import { join } from 'node:path'
import { authorizationQuery, challenge, makeCodes, verifier } from '../codes.mjs'
import { compare } from '../comparison.mjs'
import { startScript } from '../contestants.mjs'
import { sendingOnce } from '../once.mjs'
import { basic, formatFormPost, writeRequests } from '../requests.mjs'
import { measureInRounds } from '../rounds.mjs'
import { client, redirectUri, rsaClientId } from '../site.mjs'
import { runWrk } from '../wrk.mjs'

/**
 * Exchanging codes for tokens, each once: access, refresh and ID token; and pushing authorization requests.
 * @param {import('../run.mjs').Bench} bench
 */
export async function measureCode(bench) {
  const gatehouse = await bench.site.start()
  const provider = await startScript('oidc-provider', 'oidc-provider.mjs', [client.id, client.secret])

  const exchange = (path, clientId, codes) =>
    codes.map((code) =>
      formatFormPost(
        path,
        { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier },
        basic(clientId, client.secret),
      ),
    )
  const ofGatehouse = (name, clientId) => {
    const make = async (count) => exchange('/oauth/token', clientId, await makeCodes(gatehouse, clientId, count))
    return sendingOnce(bench, gatehouse, { name, make })
  }
  const ofProvider = (name, clientId) => {
    const make = async (count) => {
      const query = new URLSearchParams({ count, client: clientId, challenge })
      const answer = await fetch(`http://127.0.0.1:${provider.port}/codes?${query}`)
      return exchange('/token', clientId, await answer.json())
    }
    return sendingOnce(bench, provider, { name, make })
  }
  const codes = await measureInRounds(
    [
      ofGatehouse('Gatehouse', client.id),
      ofProvider('oidc-provider', client.id),
      ofGatehouse('Gatehouse, RS256', rsaClientId),
      ofProvider('oidc-provider, RS256', rsaClientId),
    ],
    bench,
  )
  const pushing = (server, path) => {
    const form = Object.fromEntries(new URLSearchParams(authorizationQuery(client.id)))
    const request = formatFormPost(path, form, basic(client.id, client.secret))
    const file = writeRequests(join(bench.folder, `par-${server.port}`), [request])
    return {
      name: `${server.name}, pushed requests`,
      load: (seconds) => runWrk(server, { script: 'rotate.lua', args: [file] }, seconds),
    }
  }
  const pushed = await measureInRounds([pushing(gatehouse, '/oauth/par'), pushing(provider, '/request')], bench)
  await Promise.all([gatehouse, provider].map((server) => server.stop()))
  return {
    measured: { ...codes, ...pushed },
    rows: [
      compare(
        'code exchanges per second, ES256 ID tokens, against oidc-provider in memory',
        codes.Gatehouse.rate,
        codes['oidc-provider'].rate,
        { atLeast: 1.5 },
      ),
      compare(
        'for information: the same with RS256 ID tokens',
        codes['Gatehouse, RS256'].rate,
        codes['oidc-provider, RS256'].rate,
      ),
      compare(
        'pushed authorization requests per second, against oidc-provider in memory',
        pushed['Gatehouse, pushed requests'].rate,
        pushed['oidc-provider, pushed requests'].rate,
        { atLeast: 1.5 },
      ),
    ],
  }
}
