// Follows the revocation feed over so many connections, signs somebody out, and measures until the last reader has been told.
// Arguments: port, issuer, client id, secret, readers, a file of users and password, samples. Writes one line of JSON.
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { createReach } from './reach.mjs'

const [port, issuer, id, secret, readers, file, samples] = process.argv.slice(2)
const { host } = new URL(issuer)
const { users, password } = JSON.parse(readFileSync(file, 'utf8'))
const reach = createReach(port, host)
const credential = Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')
/** What each reader waits for. */
let wanted = ''
let told = 0
let onAllTold = () => {}

await Promise.all(Array.from({ length: Number(readers) }, open))
const times = []
for (let index = 0; index < Number(samples); index += 1) {
  const { access_token } = await post('/login', { username: users[index % users.length], password })
  const { sid } = JSON.parse(Buffer.from(access_token.split('.')[1], 'base64url').toString())
  told = 0
  wanted = `"${sid}"`
  const allTold = new Promise((resolve) => {
    onAllTold = resolve
  })
  const sentAt = performance.now()
  const answered = post('/logout', {}, { authorization: `Bearer ${access_token}` })
  await allTold
  times.push(performance.now() - sentAt)
  await answered
}
process.stdout.write(`${JSON.stringify({ most: Math.max(...times) })}\n`)
process.exit(0)

function open() {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: Number(port), host: '127.0.0.1' })
    let received = ''
    let isCurrent = false
    let seen = ''
    socket.setEncoding('latin1')
    socket.on('error', reject)
    socket.on('data', (chunk) => {
      received = (received + chunk).slice(-4096)
      if (!isCurrent && received.includes('event: current')) {
        isCurrent = true
        resolve()
      } else if (!isCurrent && /^HTTP\/1.1 [345]/.test(received)) reject(new Error(received))
      if (wanted === '' || seen === wanted || !received.includes(wanted)) return
      seen = wanted
      told += 1
      if (told === Number(readers)) onAllTold()
    })
    socket.write(`GET /events/revocations HTTP/1.1\r\nhost: ${host}\r\nauthorization: Basic ${credential}\r\n\r\n`)
  })
}

async function post(path, body, more = {}) {
  const headers = { 'content-type': 'application/json', ...more }
  const answer = await reach(issuer + path, { method: 'POST', headers, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`)
  return answer.status === 204 ? undefined : answer.json()
}
