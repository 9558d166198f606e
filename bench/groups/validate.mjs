import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compare } from '../comparison.mjs'
import { startScript } from '../contestants.mjs'
import { formatJsonPost, issuer, writeRequests } from '../requests.mjs'
import { measureInRounds } from '../rounds.mjs'
import { fetchKeys, findSigner, issueTokens } from '../tokens.mjs'
import { connections, runWrk } from '../wrk.mjs'

const validation = (token) => formatJsonPost('/validate', { token, audience: issuer })

/**
 * POST /validate over 2,000 tokens in rotation, against a bare echo of the same body; and for tokens that were never seen,
 * against a bare server that verifies their signatures and does nothing else.
 * @param {import('../run.mjs').Bench} bench
 */
export async function measureValidate(bench) {
  const gatehouse = await bench.site.start()
  const echo = await startScript('bare echo', 'echo.mjs')
  const tokens = await issueTokens(gatehouse, 2000)
  const file = writeRequests(join(bench.folder, 'validate'), tokens.map(validation))
  const rotating = (server) => ({
    name: server.name,
    load: (seconds) => runWrk(server, { script: 'rotate.lua', args: [file] }, seconds),
  })
  const warm = await measureInRounds([rotating(gatehouse), rotating(echo)], bench)

  const keyFile = join(bench.folder, 'validate-key')
  writeFileSync(keyFile, JSON.stringify(findSigner(await fetchKeys(gatehouse), tokens[0])))
  const verifier = await startScript('bare verification', 'verifier.mjs', [keyFile])
  const cold = await measureUnseen(bench, gatehouse, verifier)
  await Promise.all([gatehouse, echo, verifier].map((server) => server.stop()))

  const unseen = cold['Gatehouse, tokens never seen']
  const verification = cold['bare verification']
  return {
    measured: { ...warm, ...cold },
    rows: [
      compare(
        '/validate per second over 2,000 tokens, against a bare echo',
        warm.Gatehouse.rate,
        warm['bare echo'].rate,
        {
          atLeast: 0.75,
          isLimit: true,
        },
      ),
      compare('/validate per second of tokens never seen, against bare verification', unseen.rate, verification.rate, {
        atLeast: 0.95,
        isLimit: true,
      }),
      ...(unseen.processor && verification.processor && warm.Gatehouse.processor && warm['bare echo'].processor
        ? [
            compare(
              'for information: CPU µs that being unseen adds to /validate, against what verifying adds to the echo',
              unseen.processor - warm.Gatehouse.processor,
              verification.processor - warm['bare echo'].processor,
            ),
          ]
        : []),
    ],
  }
}

/** Tokens that nobody remembers: six times as many in rotation as the verifier keeps; short runs need no more than twice. */
const countUnseen = (bench) => (bench.quick ? 20_000 : 60_000)

async function measureUnseen(bench, gatehouse, verifier) {
  const count = countUnseen(bench)
  bench.say(`issuing ${count} tokens`)
  const tokens = await issueTokens(gatehouse, count)
  const file = writeRequests(join(bench.folder, 'validate-unseen'), tokens.map(validation))
  const unseen = (server, name) => {
    // Every run goes on where the last one ended.
    let sent = 0
    return {
      name,
      async load(seconds) {
        const run = await runWrk(server, { script: 'rotate.lua', args: [file, String(sent)] }, seconds)
        sent += run.requests + connections
        return run
      },
    }
  }
  return measureInRounds(
    [unseen(gatehouse, 'Gatehouse, tokens never seen'), unseen(verifier, 'bare verification')],
    bench,
  )
}
