import { type ClientHttp2Session, connect, type SecureClientSessionOptions } from 'node:http2'
import type { Exchange } from '@gatehouse/auth/testing/host-browser'

/** Opens a connection of HTTP/2 to a port of this machine, whoever its certificate is for. */
export function openHttp2(port: number, identity: SecureClientSessionOptions = {}): ClientHttp2Session {
  const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false, ...identity })
  session.on('error', () => undefined)
  return session
}

/** Sends a request on a connection of HTTP/2 of its own; `identity` is the certificate that is shown. A cookie goes in crumbs. */
export const exchangeHttp2 =
  (identity: SecureClientSessionOptions = {}): Exchange =>
  (port, { method, path, headers: { host, cookie, ...headers }, body }) =>
    new Promise((resolve, reject) => {
      const session = openHttp2(port, identity)
      const crumbs = typeof cookie === 'string' ? { cookie: cookie.split('; ') } : {}
      const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
      const pseudo = { ':method': method, ':path': path, ':authority': String(host) }
      const stream = session.request({ ...pseudo, ...length, ...headers, ...crumbs }, { endStream: body === undefined })
      let text = ''
      stream.setEncoding('utf8')
      stream.on('response', ({ ':status': status = 0, ...received }) => {
        stream.on('data', (chunk: string) => {
          text += chunk
        })
        stream.on('end', () => {
          session.destroy()
          resolve({ status, headers: received, text })
        })
      })
      stream.on('error', reject)
      if (body !== undefined) stream.end(body)
    })
