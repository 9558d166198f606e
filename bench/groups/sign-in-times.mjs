import { request } from 'node:http'
import { compare } from '../comparison.mjs'
import { issuerHost } from '../requests.mjs'
import { median } from '../rounds.mjs'
import { userName } from '../site.mjs'

const samples = 200

/** Addresses of this machine itself: each is another client to every limit. */
const addressOf = (index) => `127.1.${index >> 8}.${index & 255 || 1}`

function signIn(port, username, localAddress) {
  const body = JSON.stringify({ username, password: 'not-the-password-of-anybody' })
  const headers = { host: issuerHost, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  return new Promise((resolve, reject) => {
    const startedAt = performance.now()
    request(
      { host: '127.0.0.1', port, path: '/login', method: 'POST', headers, localAddress, agent: false },
      (answer) => {
        answer.resume().on('end', () => {
          if (answer.statusCode === 401) resolve(performance.now() - startedAt)
          else reject(new Error(`a wrong password was answered ${answer.statusCode}`))
        })
      },
    )
      .on('error', reject)
      .end(body)
  })
}

/**
 * How long a wrong password takes for a user that exists, and for one that does not: strangers must not be able to tell.
 * @param {import('../run.mjs').Bench} bench
 */
export async function measureSignInTimes(bench) {
  const gatehouse = await bench.site.start()
  const known = []
  const unknown = []
  for (let index = 0; index < samples; index += 1) {
    known.push(await signIn(gatehouse.port, userName(index), addressOf(2 * index)))
    unknown.push(await signIn(gatehouse.port, `nobody-${index}`, addressOf(2 * index + 1)))
  }
  await gatehouse.stop()
  const [shorter, longer] = [median(known), median(unknown)].sort((one, other) => one - other)
  bench.say(`known ${median(known).toFixed(2)} ms, unknown ${median(unknown).toFixed(2)} ms`)
  return {
    measured: {},
    rows: [
      compare('ms of a wrong password, known against unknown user, medians of 200, the longer first', longer, shorter, {
        atMost: 1.05,
      }),
    ],
  }
}
