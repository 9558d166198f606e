import { request } from 'node:http'
import { Readable } from 'node:stream'

/**
 * A fetch that asks the issuer where it really listens, by its own name: Node's does not let one say the Host.
 * @param {string} port
 * @param {string} host
 * @returns {typeof fetch}
 */
export const createReach =
  (port, host) =>
  (url, { method = 'GET', headers, body, signal } = {}) =>
    new Promise((resolve, reject) => {
      const { pathname, search } = new URL(url)
      const named = { ...Object.fromEntries(new Headers(headers)), host }
      const sent = request(
        { port, host: '127.0.0.1', path: pathname + search, method, headers: named, signal },
        (answer) => {
          answer.on('error', () => {})
          const isEmpty = answer.statusCode === 204
          if (isEmpty) answer.resume()
          resolve(
            new Response(isEmpty ? null : Readable.toWeb(answer), {
              status: answer.statusCode,
              headers: answer.headers,
            }),
          )
        },
      )
      sent.on('error', reject)
      sent.end(body)
    })
