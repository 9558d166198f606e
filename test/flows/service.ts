import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A service that says hello, whatever it is asked. */
export interface Service {
  readonly port: number
  /** Lines of a configuration that lead a path to it. */
  route(path: string, require: string): string
  close(): void
}

export async function startService(): Promise<Service> {
  const server = createServer((_request, response) => response.end('hello')).listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  const { port } = server.address() as AddressInfo
  return {
    port,
    route: (path, require) =>
      `services: { s: { upstream: 'http://127.0.0.1:${port}', routes: [{ path: '${path}', require: ${require} }] } }\n`,
    close: () => void server.close(),
  }
}
