import { createServer, get as httpGet, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createSite, get, postJson, type Running, type Site } from './running-program.ts'

let upstream: Server
let decider: Server
let site: Site
let running: Running
beforeAll(async () => {
  upstream = createServer((_request, response) => response.end('hello')).listen(0, '127.0.0.1')
  await new Promise((done) => upstream.once('listening', done))
  decider = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => response.end(JSON.stringify({ result: JSON.parse(body).input.path.id === '1' })))
  }).listen(0, '127.0.0.1')
  await new Promise((done) => decider.once('listening', done))
  site = await createSite()
  site.configure(`issuer: http://localhost:${site.port}
listen: 127.0.0.1:${site.port}
second_factor: { required_for_roles: [chief] }
services:
  office:
    upstream: http://127.0.0.1:${(upstream.address() as AddressInfo).port}
    routes:
      - { path: '/people/{id}', require: { caller: signed-in, when: principal.sub == path.id } }
      - { path: /inside, require: { caller: nothing, addresses: [127.0.0.0/8] } }
      - { path: /elsewhere, require: { caller: nothing, addresses: [192.0.2.0/24] } }
      - { path: /trial, require: nothing, observe: signed-in }
      - { path: '/decided/{id}', require: { remote: { url: 'http://127.0.0.1:${(decider.address() as AddressInfo).port}/', kind: opa } } }
      - { path: /amr, require: { when: '"pwd" in principal.amr' } }
      - { path: /sid, require: { when: 'principal.sid != "" && has(principal.claims.gid)' } }
      - { path: /otp, require: { when: '"otp" in principal.amr' } }
      - { path: /bound, require: { when: has(principal.claims.cnf) } }
      - { path: /handed-on, require: { when: '[principal].all(p, !has(p.claims.act))' } }
      - { path: /by-name, require: { when: 'principal["claims"]["act"] != null' } }
      - { path: /unbound, require: { when: ['!("cnf" in principal.claims)', 'principal.client_id == "first-party"'] } }
      - { path: /bound-clerk, require: { roles: [chief], when: 'has(principal.claims.cnf)' } }
      - { path: /chief, require: { roles: [chief] } }
      - { path: /reports, methods: [GET], require: { scopes: [orders:read], roles: [auditor] } }
  app:
    host: app.localhost:${site.port}
    upstream: http://127.0.0.1:${(upstream.address() as AddressInfo).port}
    session: cookie
    routes: [{ path: '/**', require: token }]
  wiki:
    host: wiki.localhost
    forward_auth: true
    routes: [{ path: '/**', methods: [GET], require: nothing }]
trusted_proxies: [127.0.0.7]
`)
  running = await site.start(['dev'])
})
afterAll(async () => {
  await site.remove()
  decider.close()
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

  it('may be somebody else’s to decide, who is heard at once', async () => {
    const alice = await signIn()
    expect((await ask('/decided/1', alice)).status).toBe(200)
    expect((await ask('/decided/2', alice)).status).toBe(403)
    expect((await ask('/decided/1')).status).toBe(401)
  })

  it('are tried beside those that decide', async () => {
    expect((await ask('/trial')).status).toBe(200)
    await vi.waitFor(() => expect(running.output()).toContain('the observed rule would refuse'))
    expect((await ask('/metrics')).text).toContain(
      'gatehouse_gateway_observations_total{route="office /trial",outcome="credentials_required"} 1',
    )
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

describe('what somebody could do', () => {
  const can = (...args: string[]) => site.run(['can', ...args, '--dev'])

  it('agrees with the gateway on what a sign-in by password says', async () => {
    const alice = await signIn()
    for (const path of ['/amr', '/sid', '/otp']) {
      const { code } = await can('alice', 'GET', path)
      expect([path, code === 0 ? 200 : 403]).toEqual([path, (await ask(path, alice)).status])
    }
    expect((await can('alice', 'GET', '/otp', '--amr', 'pwd,otp')).code).toBe(0)
    expect((await can('alice', 'GET', '/otp', '--acr', '2')).code).toBe(0)
    expect((await can('alice', 'GET', '/sid', '--claim', 'gid=null')).code).toBe(1)
  })

  it.each([
    ['/bound', [], 3, 'found:   cannot be said, since the rule reads principal.claims.cnf'],
    ['/bound', ['--claim', 'cnf={"jkt":"x"}'], 0, 'allowed: GET'],
    ['/bound', ['--claim', 'cnf=null'], 1, 'found:   this is false: has(principal.claims.cnf)'],
    ['/unbound', [], 3, 'unknown: GET'],
    ['/handed-on', [], 3, 'unknown: GET'],
    ['/by-name', [], 3, 'unknown: GET'],
    // What refuses for something else refuses whatever the token says besides.
    ['/bound-clerk', [], 1, 'rule:    require.roles'],
    ['/unbound', ['--client', 'demo-spa'], 1, 'rule:    require.when[1]'],
  ])('cannot be said of %s with %j: %i', async (path, options, code, said) => {
    const finished = await can('alice', 'GET', path, ...options)
    expect([finished.code, finished.stdout]).toEqual([code, expect.stringContaining(said)])
    const { allowed } = JSON.parse((await can('alice', 'GET', path, ...options, '--json')).stdout)
    expect(allowed).toBe(code === 3 ? null : code === 0)
  })

  it('is Gatehouse’s own to say for its paths, on every host', async () => {
    for (const [path, ...host] of [
      ['/_gatehouse/session', '--host', `app.localhost:${site.port}`],
      ['/%6cogin', '--host', `LOCALHOST:${site.port}`],
      ['/livez', '--host', `app.localhost:${site.port}`],
    ] as const) {
      const finished = await can('alice', 'GET', path, ...host)
      expect([path, finished.code, finished.stderr]).toEqual([path, 2, expect.stringContaining('of Gatehouse itself')])
    }
    expect((await can('alice', 'GET', '/login', '--host', `app.localhost:${site.port}`)).code).toBe(0)
    expect((await can('alice', 'GET', '/page', '--claim', 'sub=x')).code).toBe(2)
  })

  it.each([
    [['alice', 'GET', '/reports'], 1, 'rule:    require.roles', 'found:   the token has the roles "clerk"'],
    [['alice', 'GET', '/reports', '--role', 'auditor'], 0, 'allowed: GET', 'roles auditor'],
    [['alice', 'GET', '/reports?x=1', '--role', 'auditor', '--scope', 'orders:write'], 1, 'rule:    require.scopes'],
    [['bob', 'GET', '/reports', '--scope', 'orders:write'], 1, 'note:    the scope orders:write would not be granted'],
    [
      ['alice', 'GET', '/reports', '--client', 'demo-spa', '--scope', 'orders:read'],
      1,
      'note:    roles are told to this client',
    ],
    [['alice', 'GET', '/chief', '--role', 'chief'], 1, 'note:    a role of theirs counts only with a second factor'],
    [['alice', 'GET', '/chief', '--role', 'chief', '--acr', '2'], 0, 'roles chief'],
    [['alice', 'FROB', '/reports'], 1, 'status:  400 invalid_request'],
    [['alice', 'POST', '/reports'], 1, 'status:  405 method_not_allowed'],
    [['alice', 'GET', '/people/usr_x'], 1, 'found:   this is false: principal.sub == path.id'],
    [['client:demo-service', 'GET', '/people/usr_x'], 1, 'found:   the token is that of a client'],
    [['-', 'GET', '/trial'], 0, 'note:    the rule that is only observed would refuse it: no token'],
    [['alice', 'GET', '/decided/2'], 0, 'has the last word, and was not asked: --remote asks it'],
    [['alice', 'GET', '/decided/2', '--remote'], 1, 'rule:    require.remote'],
    [['alice', 'GET', '/decided/1', '--remote'], 0, 'allowed:'],
    [['-', 'GET', '/reports'], 1, 'status:  401 credentials_required', 'by:      nobody'],
    [['-', 'GET', '/inside', '--address', '127.0.0.9'], 0, 'route:   office /inside'],
    [['-', 'GET', '/inside'], 1, 'note:    say from where: --address'],
    [['alice', 'GET', '/a/../b'], 1, 'status:  400 invalid_request'],
    [['alice', 'GET', '/reports', '--host', 'other.test'], 1, 'status:  421 misdirected_request'],
  ])('gatehouse can %s: %i', async (args, code, ...said) => {
    const finished = await can(...args)
    expect(finished.code, finished.stderr).toBe(code)
    for (const text of said) expect(finished.stdout).toContain(text)
  })

  it.each([
    ['zoe', '/reports', 'there is no user zoe'],
    ['alice', '/login', 'a path of Gatehouse itself'],
    ['client:nobody', '/reports', 'there is no client nobody'],
    ['client:demo-spa', '/reports', 'gets no token on its own behalf'],
    ['alice', '/reports', 'get is no method: say GET', 'get'],
  ])('is wrong use for %s and %s', async (who, path, said, method = 'GET') => {
    expect(await can(who, method, path)).toMatchObject({ code: 2, stderr: expect.stringContaining(said) })
  })

  it('agrees with what then happens, and sends nothing', async () => {
    const alice = await signIn()
    for (const path of ['/reports', '/people/usr_x', '/inside', '/elsewhere', '/nowhere']) {
      const rehearsed = JSON.parse((await can('alice', 'GET', path, '--address', '127.0.0.1', '--json')).stdout)
      const { status, json } = await ask(path, alice)
      expect([path, rehearsed.refusal?.status ?? 200]).toEqual([path, status])
      if (status !== 200) expect(rehearsed.refusal.code).toBe(json.error)
    }
    expect(running.output()).not.toContain('supposed')
  })

  it.each([
    ['/page/x', 0],
    ['/page/%7ex', 1],
    ['/%70age', 1],
    ['/page/%c3%a9', 0],
    ['/page?a=%7e', 0],
    ['/page/../x', 1],
  ])('agrees with what a proxy hears that asks about %s, since it forwards its own bytes: %i', async (target, code) => {
    const rehearsed = await can('-', 'GET', target, '--host', 'wiki.localhost', '--json')
    const { refusal } = JSON.parse(rehearsed.stdout)
    const headers = { 'x-forwarded-method': 'GET', 'x-forwarded-host': 'wiki.localhost', 'x-forwarded-uri': target }
    const question = { host: '127.0.0.1', port: site.port, path: '/gateway/check', localAddress: '127.0.0.7', headers }
    const status = await new Promise((done) => httpGet(question, (answer) => done(answer.resume().statusCode)))
    expect([rehearsed.code, refusal?.status ?? 200]).toEqual([code, status])
  })
})
