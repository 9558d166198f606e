import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createSite, get, postJson, type Site, waitFor } from './running-program.ts'

const host = { host: 'auth.example.com' }

let site: Site
afterEach(() => site.remove())

describe('a running Gatehouse', () => {
  it('stops gracefully: not ready, requests finish, exit within ten seconds with 0', async () => {
    let release: () => void = () => {}
    let isWaiting = false
    const slow = createServer((_request, response) => {
      release = () => response.end('done')
      isWaiting = true
    }).listen(0, '127.0.0.1')
    await new Promise((done) => slow.once('listening', done))
    const slowUrl = `http://127.0.0.1:${(slow.address() as AddressInfo).port}`
    site = await createSite(
      `services: { s: { upstream: '${slowUrl}', routes: [{ path: /slow, require: nothing }] } }\n`,
    )
    const running = await site.start()
    const pending = get(`${site.url}/slow`, host)
    await waitFor(async () => isWaiting)
    const stopped = running.stop()
    await new Promise((done) => setTimeout(done, 300))
    expect((await get(`${site.url}/readyz`)).status).toBe(503)
    release()
    expect((await pending).text).toBe('done')
    const { code, milliseconds } = await stopped
    expect(code).toBe(0)
    expect(milliseconds).toBeLessThan(10_000)
    slow.close()
  })

  it('tells who waits for a service that never answers to come again, and does not break the connection', async () => {
    let waiting = 0
    const hung = createServer(() => {
      waiting += 1
    }).listen(0, '127.0.0.1')
    await new Promise((done) => hung.once('listening', done))
    const hungUrl = `http://127.0.0.1:${(hung.address() as AddressInfo).port}`
    site = await createSite(
      `services: { s: { upstream: '${hungUrl}', routes: [{ path: /hung, require: nothing }] } }\n`,
    )
    const running = await site.start()
    const pending = get(`${site.url}/hung`, host)
    // What a service has heard of, it may have done.
    const order = postJson(`${site.url}/hung`, {}, host)
    await waitFor(async () => waiting === 2)
    const stopped = running.stop()
    const { status, json, headers } = await pending
    expect([status, json.error, headers['retry-after']]).toEqual([503, 'temporarily_unavailable', '1'])
    const ordered = await order
    expect([ordered.status, ordered.headers['retry-after']]).toEqual([502, undefined])
    const { code, milliseconds } = await stopped
    expect(code).toBe(0)
    expect(milliseconds).toBeLessThan(10_000)
    hung.closeAllConnections()
    hung.close()
  })

  it('survives kill -9 without losing what it has acknowledged, and rotated tokens stay dead', async () => {
    site = await createSite('sessions: { replay_window: 0s }\n')
    await site.run(['migrate'])
    await site.run(['user', 'add', 'carol'], 'a password for carol\n')
    const first = await site.start()
    const pair = (await postJson(`${site.url}/login`, { username: 'carol', password: 'a password for carol' }, host))
      .json
    const next = (await postJson(`${site.url}/token/refresh`, { refresh_token: pair.refresh_token }, host)).json
    await first.stop('SIGKILL')
    await site.start()
    expect((await postJson(`${site.url}/token/refresh`, { refresh_token: next.refresh_token }, host)).status).toBe(200)
    await new Promise((done) => setTimeout(done, 1100))
    expect((await postJson(`${site.url}/token/refresh`, { refresh_token: pair.refresh_token }, host)).status).toBe(400)
  })
})
