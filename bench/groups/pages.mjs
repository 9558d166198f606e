import { request } from 'undici'
import { openBrowser } from '../codes.mjs'
import { compare } from '../comparison.mjs'
import { startScript } from '../contestants.mjs'
import { median } from '../rounds.mjs'
import { client } from '../site.mjs'

/** Pages that people see most, by what they are called here. */
const pages = {
  'sign-in': '/login',
  account: '/account',
  'second factors': '/account/security',
  sessions: '/account/sessions',
  history: '/account/history',
}
const samples = 200

/** Milliseconds that each of a number of requests takes. */
async function timeEach(count, ask) {
  const times = []
  for (let index = 0; index < count; index += 1) {
    const startedAt = performance.now()
    await ask()
    times.push(performance.now() - startedAt)
  }
  return times
}

/**
 * The pages of somebody who has signed in, one after the other, beside a bare page of Fastify.
 * @param {import('../run.mjs').Bench} bench
 */
export async function measurePages(bench) {
  const gatehouse = await bench.site.start()
  const fastify = await startScript('bare Fastify page', 'fastify-page.mjs')
  const browser = await openBrowser(gatehouse, client.id)
  const get = async (path) => {
    const answer = await browser.get(path)
    // A visit of /login begins with a redirect to its own address.
    return answer.status === 303 ? browser.get(answer.location) : answer
  }
  const times = {}
  let largest = 0
  for (const [name, path] of Object.entries(pages)) {
    const { status, text } = await get(path)
    if (status !== 200) throw new Error(`${path}: ${status}`)
    const loaded = [...new Set([...text.matchAll(/(?:href|src)="(\/_gatehouse\/[^"]+)"/g)].map(([, at]) => at))]
    const sizes = await Promise.all(loaded.map(async (at) => Buffer.byteLength((await browser.get(at)).text)))
    largest = Math.max(
      largest,
      sizes.reduce((sum, size) => sum + size, Buffer.byteLength(text)),
    )
    times[name] = median(await timeEach(bench.quick ? 20 : samples, () => get(path)))
    bench.say(`${name}: ${times[name].toFixed(2)} ms`)
  }
  const bare = async () => (await request(`http://127.0.0.1:${fastify.port}/login`)).body.text()
  await timeEach(20, bare)
  const bareTime = median(await timeEach(samples, bare))
  await browser.close()
  await Promise.all([gatehouse, fastify].map((server) => server.stop()))
  const slowest = Math.max(...Object.values(times))
  return {
    measured: {},
    rows: [
      compare('ms of the slowest page, median of 200, against the limit', slowest, 5, { atMost: 1 }),
      compare(
        'for information: ms of the account’s first page, against a bare Fastify page',
        times.account,
        bareTime,
        {},
      ),
      compare('kB of the largest page with all that it loads, against the limit', largest / 1000, 60, { atMost: 1 }),
    ],
  }
}
