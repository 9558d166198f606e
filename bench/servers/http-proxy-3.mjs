// http-proxy-3 with kept connections; checks nothing. Arguments: port, upstream.
import http from 'node:http'
import { createProxyServer } from 'http-proxy-3'

const [port, target] = process.argv.slice(2)
const proxy = createProxyServer({ target, agent: new http.Agent({ keepAlive: true, maxSockets: 128 }) })
proxy.on('error', (_error, _request, response) => {
  response.writeHead?.(502)
  response.end?.()
})
http
  .createServer({ keepAliveTimeout: 60_000 }, (request, response) => proxy.web(request, response))
  .listen(Number(port), '127.0.0.1')
