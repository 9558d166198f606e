// The service behind every proxy where nginx is not installed: always the same kilobyte of JSON. Arguments: port, file.
import { readFileSync } from 'node:fs'
import http from 'node:http'

const [port, file] = process.argv.slice(2)
const body = readFileSync(file)
http
  .createServer({ keepAliveTimeout: 60_000 }, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
    response.end(body)
  })
  .listen(Number(port), '127.0.0.1')
