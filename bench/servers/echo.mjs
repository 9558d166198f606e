// The limit of HTTP with JSON on node:http: parses a body and answers with the same. Argument: port.
import http from 'node:http'

http
  .createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      const text = JSON.stringify(JSON.parse(body))
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
      response.end(text)
    })
  })
  .listen(Number(process.argv[2]), '127.0.0.1')
