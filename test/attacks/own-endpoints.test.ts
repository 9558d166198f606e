import { gzipSync } from 'node:zlib'
import { sendRaw } from '@gatehouse/gateway/fixtures/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSite, type Site } from '../flows/running-program.ts'

// Gatehouse's own paths in spellings that a proxy in front reads otherwise, and bodies that are meant to cost it much: attacks G21
// and G23.
let site: Site
beforeAll(async () => {
  site = await createSite()
  const open = '{ upstream: http://127.0.0.1:9, routes: [{ path: /shop/**, require: nothing }] }'
  site.configure(`issuer: http://localhost:${site.port}
listen: 127.0.0.1:${site.port}
services: { shop: ${open} }
`)
  await site.start(['dev'])
})
afterAll(() => site?.remove())

async function ask(method: string, target: string, headers = '', body = ''): Promise<{ status: number; text: string }> {
  const length = method === 'POST' ? `Content-Length: ${Buffer.byteLength(body, 'latin1')}\r\n` : ''
  const head = `${method} ${target} HTTP/1.1\r\nHost: localhost:${site.port}\r\nConnection: close\r\n${length}${headers}\r\n`
  const { text } = await sendRaw(site.port, head + body, 2000)
  return { status: Number(text.slice(9, 12)), text }
}

describe('an own path', () => {
  it.each(['/metrics', '/oauth/authorize', '/account', '/.well-known/openid-configuration'])(
    'is there as it is written: %s',
    async (path) => {
      expect((await ask('GET', path)).status).not.toBe(404)
    },
  )

  it.each([
    ...['/metrics;', '/metrics;x=/shop', '/;/metrics', '/shop/..;/metrics', '/shop/../metrics', '/shop/%2e%2e/metrics'],
    ...['//metrics', '/./metrics', '/metrics/.', '/metrics%2f', '/%2fmetrics', '/shop%2f..%2fmetrics', '/metrics%00'],
    ...['/metrics%3b', '/%256detrics', '/\\metrics', '/shop\\..\\metrics', '/metrics#/shop'],
    ...['/oauth;x/authorize', '/oauth/authorize;/shop', '/oauth/%2e/authorize', '/account;a', '/gateway/check;x'],
    ...['/.well-known;x/openid-configuration', '/admin/api/v1;x/users', '/console;/'],
  ])('is refused in another spelling, and nothing of it is told: %s', async (path) => {
    const { status, text } = await ask('GET', path)
    expect(status).toBe(400)
    expect(JSON.parse(text.split('\r\n\r\n')[1] ?? '')).toMatchObject({ error: 'invalid_request' })
  })

  it.each(['/METRICS', '/metrics/', '/Account', '/oauth/authorize/', '/metrics%ef%bc%8f', '/oauth%ef%bc%8fauthorize'])(
    'is no other path that resembles it: %s',
    async (path) => {
      expect((await ask('GET', path)).status).toBe(404)
    },
  )

  it('is one path with escapes that say the same', async () => {
    expect((await ask('GET', '/%6detrics')).text).toContain('gatehouse_')
  })
})

describe('a body that is meant to cost much', () => {
  const json = 'Content-Type: application/json\r\n'
  const form = 'Content-Type: application/x-www-form-urlencoded\r\n'
  const bomb = gzipSync(Buffer.alloc(10 * 1024 * 1024, ' ')).toString('latin1')
  const many = Array.from({ length: 5000 }, (_, index) => `p${index}=1`).join('&')
  const deep = (count: number, open: string, close: string): string => open.repeat(count) + close.repeat(count)
  it.each([
    ['lists 30,000 deep', '/login', json, deep(30_000, '[', ']'), 400],
    ['objects 10,000 deep', '/login', json, `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`, 400],
    ['a list that does not end', '/validate', json, '['.repeat(60_000), 400],
    ['JSON of 100 kB', '/login', json, JSON.stringify({ username: 'a'.repeat(100_000) }), 413],
    ['5,000 parameters', '/oauth/token', form, many, 400],
    ['a form of 100 kB', '/oauth/token', form, `a=${'a'.repeat(100_000)}`, 413],
    ['another type', '/login', 'Content-Type: text/xml\r\n', '<a/>', 415],
    // Nothing is unpacked: what came is no JSON.
    ['a body that unpacks to 10 MB', '/login', `${json}Content-Encoding: gzip\r\n`, bomb, 400],
  ])('is refused: %s', async (_what, path, headers, body, status) => {
    expect((await ask('POST', path, headers, body)).status).toBe(status)
    expect((await ask('GET', '/livez')).status).toBe(200)
  })
})
