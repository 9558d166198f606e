// The limit of a proxy on node:http and undici: passes everything on and checks nothing. Arguments: port, upstream.
import http from 'node:http'
import { Pool } from 'undici'

const [port, upstream] = process.argv.slice(2)
const pool = new Pool(upstream, { connections: 1024, pipelining: 1 })
const notForwarded = new Set(['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'te', 'trailer', 'host'])

class Forwarding {
  constructor(response) {
    this.response = response
    this.resume = undefined
  }
  onConnect() {}
  onHeaders(status, raw, resume) {
    const headers = []
    for (let index = 0; index < raw.length; index += 2) {
      const name = raw[index].latin1Slice()
      if (!notForwarded.has(name.toLowerCase())) headers.push(name, raw[index + 1].latin1Slice())
    }
    this.resume = resume
    const { socket } = this.response
    socket?.cork()
    process.nextTick(() => socket?.uncork())
    this.response.writeHead(status, headers)
    return true
  }
  onData(chunk) {
    if (this.response.write(chunk)) return true
    this.response.once('drain', this.resume)
    return false
  }
  onComplete() {
    this.response.end()
  }
  onError() {
    if (!this.response.headersSent) this.response.writeHead(502, { 'content-length': 0 })
    this.response.end()
  }
}

http
  .createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const { rawHeaders } = request
    const headers = []
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = rawHeaders[index].toLowerCase()
      if (!notForwarded.has(name)) headers.push(name, rawHeaders[index + 1])
    }
    headers.push('x-forwarded-for', request.socket.remoteAddress)
    const hasBody =
      request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined
    const options = { path: request.url, method: request.method, headers, body: hasBody ? request : null }
    pool.dispatch(options, new Forwarding(response))
  })
  .listen(Number(port), '127.0.0.1')
