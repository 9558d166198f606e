import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createSite, get, postJson, type Running, type Site } from './running-program.ts'

let upstream: Server
let site: Site
let running: Running
beforeAll(async () => {
  upstream = createServer((_request, response) => response.end('hello')).listen(0, '127.0.0.1')
  await new Promise((done) => upstream.once('listening', done))
  site = await createSite()
  site.configure(`issuer: http://localhost:${site.port}
listen: 127.0.0.1:${site.port}
services:
  office:
    upstream: http://127.0.0.1:${(upstream.address() as AddressInfo).port}
    routes:
      - { path: '/people/{id}', require: { caller: signed-in, when: principal.sub == path.id } }
      - { path: /inside, require: { caller: nothing, addresses: [127.0.0.0/8] } }
      - { path: /elsewhere, require: { caller: nothing, addresses: [192.0.2.0/24] } }
      - { path: /reports, methods: [GET], require: { scopes: [orders:read], roles: [auditor] } }
`)
  running = await site.start(['dev'])
})
afterAll(async () => {
  await site.remove()
  upstream.close()
})

async function signIn(): Promise<Record<string, string>> {
  const { json } = await postJson(`http://localhost:${site.port}/login`, {
    username: 'alice',
    password: 'wonderland-tea-party',
  })
  return { authorization: `Bearer ${json.access_token}` }
}

const ask = async (path: string, headers = {}) => get(`http://localhost:${site.port}${path}`, headers)

describe('rules', () => {
  it('let through and refuse by the path, the caller and the address', async () => {
    const alice = await signIn()
    const refused = await ask('/people/usr_somebody', alice)
    expect([refused.status, refused.json.error]).toEqual([403, 'forbidden'])
    const { sub } = JSON.parse(Buffer.from(alice.authorization?.split('.')[1] ?? '', 'base64url').toString()) as {
      sub: string
    }
    expect((await ask(`/people/${sub}`, alice)).status).toBe(200)
    expect((await ask('/inside')).status).toBe(200)
    expect((await ask('/elsewhere')).status).toBe(403)
  })

  it('are explained by the id of a refusal, and by nothing that was secret', async () => {
    const refused = await ask('/people/usr_somebody?secret=canary', await signIn())
    const id = String(refused.json.decision_id)
    const said = await vi.waitFor(
      async () => {
        const finished = await site.run(['explain', id, '--dev'])
        expect(finished.code).toBe(0)
        return finished.stdout
      },
      { timeout: 10_000, interval: 200 },
    )
    expect(said).toContain(`asked:   GET localhost:${site.port}/people/usr_somebody\n`)
    expect(said).toMatch(/^by: {6}alice \(usr_\S+\), through the client first-party$/m)
    expect(said).toContain('rule:    require.when[0]\nfound:   this is false: principal.sub == path.id\n')
    expect(said).toContain('needed:  a valid token of a user, and what makes this true: principal.sub == path.id\n')
    expect(said).not.toContain('canary')
    const json = JSON.parse((await site.run(['explain', id, '--dev', '--json'])).stdout)
    expect(json).toMatchObject({ id, code: 'forbidden', route: 'office /people/{id}', rule: 'require.when[0]' })
    expect(running.output()).not.toContain('canary')
    const unknown = await site.run(['explain', 'dec_unknown', '--dev'])
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('nothing is kept under this id')])
  })
})
