// Moves so many MB over so many connections at a time, down or up. Arguments: port, host, path, token, down or up, MB,
// transfers. Writes one line of JSON: MB and seconds.
import { request } from 'node:http'

const [port, host, path, token, direction, mb, transfers] = process.argv.slice(2)
const size = Number(mb) * 1e6
const chunk = Buffer.alloc(64 * 1024, 'x')
const startedAt = performance.now()
await Promise.all(Array.from({ length: Number(transfers) }, direction === 'up' ? upload : download))
const seconds = (performance.now() - startedAt) / 1000
process.stdout.write(`${JSON.stringify({ mb: Number(mb) * Number(transfers), seconds })}\n`)
process.exit(0)

function send(method, end, more = {}) {
  const headers = { host, authorization: `Bearer ${token}`, ...more }
  return new Promise((resolve, reject) => {
    const sent = request({ port, host: '127.0.0.1', path: `${path}/${end}`, method, headers, agent: false }, resolve)
    sent.on('error', reject)
    if (method === 'GET') sent.end()
    else void write(sent)
  })
}

async function download() {
  const answer = await send('GET', `download?mb=${mb}`)
  let bytes = 0
  for await (const part of answer) bytes += part.length
  if (bytes !== size) throw new Error(`${answer.statusCode}: ${bytes} bytes of ${size}`)
}

async function upload() {
  const answer = await send('POST', 'upload', { 'content-length': size })
  const text = Buffer.concat(await answer.toArray()).toString()
  if (Number(text) !== size) throw new Error(`${answer.statusCode}: ${text.slice(0, 200)}`)
}

async function write(sent) {
  for (let left = size; left > 0; left -= chunk.length) {
    if (!sent.write(left >= chunk.length ? chunk : chunk.subarray(0, left))) {
      await new Promise((resolve) => sent.once('drain', resolve))
    }
  }
  sent.end()
}
