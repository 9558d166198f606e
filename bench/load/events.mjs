// Reads so many event streams at a time for so many seconds, each event's time being when the service wrote it. Arguments: port,
// host, path, token, streams, seconds, milliseconds between the beginnings of two streams. Writes one line of JSON: p99 of the
// first events and of the later ones, in milliseconds.
import { request } from 'node:http'
import { setPriority } from 'node:os'

const [port, host, path, token, streams, seconds, apart] = process.argv.slice(2)
try {
  // It stands for clients on other machines, as in open-loop.mjs.
  setPriority(-15)
} catch {
  // Only root may.
}
const first = []
const later = []
const requests = []
while (requests.length < Number(streams)) {
  requests.push(open())
  if (Number(apart) > 0) await new Promise((resolve) => setTimeout(resolve, Number(apart)))
}
await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1000))
for (const sent of requests) sent.destroy()
const p99 = (list) => list.sort((one, other) => one - other)[Math.floor(list.length * 0.99)] ?? Number.NaN
process.stdout.write(`${JSON.stringify({ first: p99(first), later: p99(later), events: later.length })}\n`)
process.exit(first.length === Number(streams) ? 0 : 1)

function open() {
  const headers = { host, authorization: `Bearer ${token}` }
  const sent = request({ port, host: '127.0.0.1', path, headers, agent: false }, (answer) => {
    let isFirst = true
    answer.on('data', (chunk) => {
      const now = process.hrtime.bigint() / 1000n
      for (const [, stamp] of String(chunk).matchAll(/data: (\d+)/g)) {
        const late = Number(now - BigInt(stamp)) / 1000
        if (isFirst) first.push(late)
        else later.push(late)
        isFirst = false
      }
    })
    answer.on('error', () => {})
  })
  sent.on('error', () => {})
  sent.end()
  return sent
}
