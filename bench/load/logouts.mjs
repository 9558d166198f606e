// Signs people in and out, one after the other, and measures from sending POST /logout until ten guards refuse the token and
// what is open by it has ended. Arguments: port, issuer, audience, client id, secret, path of streams, a file of users and
// password, samples. Writes one line of JSON: p50 and p99 in milliseconds, of the guards and of the sockets.
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { createGuard } from '../../packages/guard/dist/index.mjs'
import { createReach } from './reach.mjs'

const [port, issuer, audience, id, secret, streams, file, samples] = process.argv.slice(2)
const { host } = new URL(issuer)
const { users, password } = JSON.parse(readFileSync(file, 'utf8'))

const reach = createReach(port, host)
const guards = Array.from({ length: 10 }, () => createGuard({ issuer, audience, client: { id, secret }, fetch: reach }))
const startedAt = performance.now()
while (guards.some((guard) => !guard.isCurrent)) {
  if (performance.now() - startedAt > 10_000) throw new Error('the guards do not reach the feed')
  await new Promise((resolve) => setTimeout(resolve, 10))
}

const [refused, closed] = [[], []]
for (let index = 0; index < Number(samples); index += 1) {
  const token = await signIn(users[index % users.length])
  for (const guard of guards) await guard.verify(token)
  const open = await Promise.all([openEvents(token), openSocket(token)])
  const ended = Promise.all(open.map((one) => one.ended))
  const sentAt = performance.now()
  const answer = postJson('/logout', {}, { authorization: `Bearer ${token}` })
  const over = ended.then(() => closed.push(performance.now() - sentAt))
  await Promise.all(guards.map((guard) => untilRefused(guard, token)))
  refused.push(performance.now() - sentAt)
  await Promise.all([over, answer])
}
const at = (list, share) =>
  list.sort((one, other) => one - other)[Math.min(list.length - 1, Math.floor(list.length * share))]
const figures = (list) => ({ p50: at(list, 0.5), p99: at(list, 0.99) })
process.stdout.write(`${JSON.stringify({ guards: figures(refused), sockets: figures(closed) })}\n`)
process.exit(0)

async function untilRefused(guard, token) {
  for (;;) {
    try {
      await guard.verify(token)
    } catch {
      return
    }
    await setImmediate()
  }
}

async function postJson(path, body, headers = {}) {
  const answer = await reach(issuer + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`)
  return answer.status === 204 ? undefined : answer.json()
}
async function signIn(username) {
  return (await postJson('/login', { username, password })).access_token
}

/** An event stream by this token, once it has begun. */
function openEvents(token) {
  return new Promise((resolve, reject) => {
    const headers = { host, authorization: `Bearer ${token}` }
    request({ port, host: '127.0.0.1', path: `${streams}/events?rate=0`, headers, agent: false }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`events: ${answer.statusCode}`))
      const ended = new Promise((done) => answer.once('close', done))
      answer.on('error', () => {})
      answer.once('data', () => resolve({ ended }))
    })
      .on('error', () => {})
      .end()
  })
}

/** A WebSocket by this token, once it is open. */
function openSocket(token) {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: Number(port), host: '127.0.0.1' })
    const ended = new Promise((done) => socket.once('close', done))
    socket.on('error', () => {})
    socket.once('data', (data) => {
      if (String(data).startsWith('HTTP/1.1 101')) resolve({ ended })
      else reject(new Error(`WebSocket: ${String(data).slice(0, 200)}`))
    })
    socket.write(
      `GET ${streams}/socket HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${token}\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    )
  })
}
