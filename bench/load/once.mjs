// Sends each request of a file once, over 64 kept connections, as quickly as they are answered. Arguments: port, the file,
// whose requests are divided by NUL. Writes one line of JSON.
import { readFileSync } from 'node:fs'
import { Connection } from './connection.mjs'

const [port, file] = process.argv.slice(2)
const requests = readFileSync(file, 'latin1').split('\0')
let next = 0
let answered = 0
let failed = 0

function sendNext(connection) {
  const request = requests[next]
  if (request === undefined) return
  next += 1
  connection.send(request)
}
function onAnswer(connection, isGood) {
  answered += 1
  if (!isGood) failed += 1
  if (answered === requests.length) report()
  else sendNext(connection)
}
function onError() {
  process.stdout.write('a connection broke\n')
  process.exit(1)
}
const connections = Array.from({ length: 64 }, () => new Connection(Number(port), onAnswer, onError))
await new Promise((resolve) => setTimeout(resolve, 200))
const startedAt = performance.now()
for (const connection of connections) sendNext(connection)

function report() {
  const seconds = (performance.now() - startedAt) / 1000
  for (const connection of connections) connection.close()
  process.stdout.write(`${JSON.stringify({ requests: answered, failed, seconds })}\n`)
}
