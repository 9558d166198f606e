import { writeFileSync } from 'node:fs'

/** The host of the issuer that the bench configures. */
export const issuerHost = 'auth.example.com'
export const issuer = `https://${issuerHost}`

/**
 * One HTTP/1.1 request as it goes over the wire.
 * @param {string} method
 * @param {string} path
 * @param {{ headers?: Record<string, string>, body?: string }} [rest]
 */
export function formatRequest(method, path, { headers = {}, body } = {}) {
  const lines = [`${method} ${path} HTTP/1.1`, `host: ${issuerHost}`]
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`)
  if (body !== undefined) lines.push(`content-length: ${Buffer.byteLength(body)}`)
  return `${lines.join('\r\n')}\r\n\r\n${body ?? ''}`
}

/** @param {string} path @param {unknown} body */
export const formatJsonPost = (path, body) =>
  formatRequest('POST', path, { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })

/** @param {string} path @param {Record<string, string>} form @param {Record<string, string>} [headers] */
export const formatFormPost = (path, form, headers = {}) =>
  formatRequest('POST', path, {
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(form).toString(),
  })

/** @param {string} id @param {string} secret */
export const basic = (id, secret) => ({
  authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`,
})

/** Writes requests for `load/rotate.lua` and `load/open-loop.mjs`, which divide the file at NUL. */
export function writeRequests(file, requests) {
  writeFileSync(file, requests.join('\0'))
  return file
}
