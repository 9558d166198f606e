// Sends requests at a fixed rate over kept connections, whether or not earlier ones have been answered, and counts each
// one's time from when it was due. Arguments: port, a file of requests divided by NUL, requests per second, seconds.
// Writes one line of JSON; times are milliseconds.
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { setPriority } from 'node:os'

const [port, file, rate, seconds] = process.argv.slice(2)
const requests = readFileSync(file, 'latin1').split('\0')
const interval = 1000 / Number(rate)
const total = Number(rate) * Number(seconds)
try {
  // It stands for clients on other machines: what it waits for a core must not count as the server's time.
  setPriority(-15)
} catch {
  // Only root may.
}
/** Requests that may wait for a connection; more count as failed. */
const mayWait = 10_000

const times = []
const waiting = []
const idle = []
let failed = 0

/** A connection with one request at a time. */
class Connection {
  #socket
  #due = 0
  #received = ''

  constructor() {
    this.#socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true })
    this.#socket.setEncoding('latin1')
    this.#socket.on('data', (chunk) => this.#onData(chunk))
    this.#socket.on('error', () => {
      failed += 1
    })
  }

  send(due, request) {
    this.#due = due
    this.#socket.write(request, 'latin1')
  }

  #onData(chunk) {
    this.#received += chunk
    const headersEnd = this.#received.indexOf('\r\n\r\n')
    if (headersEnd === -1) return
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.#received)?.[1])
    if (this.#received.length < headersEnd + 4 + length) return
    times.push(performance.now() - this.#due)
    if (!this.#received.startsWith('HTTP/1.1 200')) failed += 1
    this.#received = ''
    const next = waiting.shift()
    if (next) this.send(next.due, next.request)
    else idle.push(this)
  }

  close() {
    this.#socket.destroy()
  }
}

const connections = Array.from({ length: 64 }, () => new Connection())
idle.push(...connections)
await new Promise((resolve) => setTimeout(resolve, 200))

const startedAt = performance.now()
let sent = 0
function sendDue() {
  const now = performance.now()
  while (sent < total && startedAt + sent * interval <= now) {
    const due = startedAt + sent * interval
    const request = requests[sent % requests.length]
    sent += 1
    const connection = idle.pop()
    if (connection) connection.send(due, request)
    else if (waiting.length < mayWait) waiting.push({ due, request })
    else failed += 1
  }
  if (sent < total) setTimeout(sendDue, 1)
  else setTimeout(report, 1000)
}
sendDue()

function report() {
  for (const connection of connections) connection.close()
  const sorted = Float64Array.from(times).sort()
  const percentile = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  const result = { answered: times.length, failed, p50: percentile(0.5), p99: percentile(0.99) }
  process.stdout.write(`${JSON.stringify(result)}\n`)
}
