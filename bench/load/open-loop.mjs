// Sends requests at a fixed rate over kept connections, whether or not earlier ones have been answered, and counts each
// one's time from when it was due. Arguments: port, a file of requests divided by NUL, requests per second, seconds.
// Writes one line of JSON; times are milliseconds.
import { readFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import { Connection } from './connection.mjs'

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
/** When the request of each connection was due. */
const dues = new Map()
let failed = 0

function onAnswer(connection, isGood) {
  const due = dues.get(connection)
  // Nothing was asked: a server says so when it closes a connection that was never used (408).
  if (due === undefined) return
  dues.delete(connection)
  times.push(performance.now() - due)
  if (!isGood) failed += 1
  const next = waiting.shift()
  if (next) send(connection, next.due, next.request)
  else idle.push(connection)
}
function send(connection, due, request) {
  dues.set(connection, due)
  connection.send(request)
}
function onError() {
  failed += 1
}

const connections = []
function open() {
  const connection = new Connection(Number(port), onAnswer, onError)
  connections.push(connection)
  return connection
}
function takeIdle() {
  const connection = idle.pop()
  return connection === undefined || connection.isOpen ? connection : open()
}
for (let index = 0; index < 64; index += 1) idle.push(open())
await new Promise((resolve) => setTimeout(resolve, 200))

const startedAt = performance.now()
let sent = 0
function sendDue() {
  const now = performance.now()
  while (sent < total && startedAt + sent * interval <= now) {
    const due = startedAt + sent * interval
    const request = requests[sent % requests.length]
    sent += 1
    const connection = takeIdle()
    if (connection) send(connection, due, request)
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
