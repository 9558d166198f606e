import { Worker } from 'node:worker_threads'
import { pause } from '../../bench/processes.mjs'
import { converse, isAlive, measureTraffic, memoryOf } from './figures.mjs'
import { startGatehouse } from './gatehouse.mjs'
import { host } from './host.mjs'

const password = 'caucus-race-winner-of-old'

/** A provider that does what the name says. */
const moduleText = `
export async function check({ username, password }, settings) {
  if (username === 'throws') throw new Error('this provider is broken')
  if (username === 'loops') for (;;);
  if (username === 'eats') { const all = []; for (;;) all.push(new Array(1_000_000).fill(username)) }
  if (username === 'exits') process.exit(1)
  if (username === 'rejects-later') { setTimeout(() => { throw new Error('later') }, 10); await new Promise(() => {}) }
  return password === settings.password ? { user: { subject: username, preferred_username: username } } : { refused: true }
}
`

/** @param {import('./run.mjs').Run} run */
export async function tryProviders({ quick, say }) {
  const gatehouse = await startGatehouse(
    `providers:
  legacy:
    kind: module
    file: ./legacy.mjs
    time_limit: 1s
    settings: { password: ${password} }
    mapping: { username: claims.preferred_username }
`,
    { files: { 'legacy.mjs': moduleText } },
  )
  const figures = []
  const add = (what, asked, measured, isMet, isControl) => figures.push({ what, asked, measured, isMet, isControl })
  const signIn = async (username) => {
    const body = JSON.stringify({ username, password })
    const head = `POST /login HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nContent-Type: application/json\r\n`
    const answer = await converse(gatehouse.port, `${head}Content-Length: ${body.length}\r\n\r\n${body}`)
    return { status: answer.status, seconds: answer.milliseconds / 1000 }
  }
  const good = await signIn('dodo')
  add('somebody who is known there', '200', String(good.status), good.status === 200)
  const before = memoryOf(gatehouse.pid)
  for (const [name, atMost] of [
    ['throws', 1],
    ['exits', 1],
    ['rejects-later', 2],
    ['loops', 2],
    ['eats', 2],
  ]) {
    // Failures in a row make Gatehouse leave a provider alone for a while: each has one that it deserves.
    const [bad, meanwhile] = await Promise.all([
      signIn(name),
      measureTraffic(gatehouse.port, '/.well-known/jwks.json', { rate: 200, seconds: quick ? 2 : 3 }),
    ])
    const isMet = bad.status >= 400 && bad.status <= 503 && bad.seconds <= atMost
    add(`one that ${name}`, `refused within ${atMost} s`, `${bad.status} after ${bad.seconds.toFixed(1)} s`, isMet)
    add(
      'other requests meanwhile',
      'none failed, p99 at most 100 ms',
      `${meanwhile.failed} failed, ${meanwhile.p99.toFixed(1)} ms`,
      meanwhile.failed === 0 && meanwhile.p99 <= 100,
    )
    const after = await untilKnown(signIn)
    add('somebody who is known there, afterwards', '200 within 40 s', after, after.startsWith('200'))
  }
  const alive = isAlive(gatehouse.pid)
  add('the program', 'runs', alive ? 'runs' : 'has ended', alive)
  const grown = memoryOf(gatehouse.pid) - before
  add('memory when all is over', 'at most 100 MB more', `${grown.toFixed(0)} MB`, grown <= 100)

  say('the same code without limits')
  const control = await loopUnbounded()
  add('a thread without a limit that loops', 'ended within 2 s', control, control === 'ended', true)
  await gatehouse.stop()
  return figures
}

async function untilKnown(signIn) {
  const startedAt = performance.now()
  let last = 0
  while (performance.now() - startedAt < 40_000) {
    last = (await signIn('dodo')).status
    if (last === 200) return `200 after ${((performance.now() - startedAt) / 1000).toFixed(0)} s`
    await pause(1000)
  }
  return String(last)
}

async function loopUnbounded() {
  const worker = new Worker('for (;;);', { eval: true })
  const ended = new Promise((resolve) => worker.once('exit', () => resolve('ended')))
  const outcome = await Promise.race([ended, pause(2000).then(() => 'still runs')])
  await worker.terminate()
  return outcome
}
