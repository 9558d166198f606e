import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createSite, type Site } from './running-program.ts'

/** An OpenID provider's document and keys: all that is looked at without signing in. */
let idp: Server
let issuer: string
let keys: object[]
let methods = ['client_secret_basic']
beforeAll(async () => {
  idp = createServer((request, response) => {
    const document = {
      issuer,
      ...{ authorization_endpoint: `${issuer}/auth`, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/jwks` },
      ...{ response_types_supported: ['code'], subject_types_supported: ['public'] },
      id_token_signing_alg_values_supported: ['RS256'],
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: methods,
    }
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(request.url === '/jwks' ? { keys } : document))
  }).listen(0, '127.0.0.1')
  await new Promise((done) => idp.once('listening', done))
  issuer = `http://127.0.0.1:${(idp.address() as AddressInfo).port}` // a server on a port has such an address
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  keys = [{ ...publicKey.export({ format: 'jwk' }), kid: 'first', use: 'sig' }]
})
afterAll(() => {
  idp.close()
})

let site: Site
afterEach(() => site.remove())

const corp = (secret = 'a-secret-of-corp') =>
  `  corp: { kind: oidc, title: Example Corp, issuer: '${issuer}', client_id: us, client_secret: ${secret}, domains: [example.com] }\n`
const legacy = '  legacy: { kind: module, file: ./legacy.mjs }\n'

/** A site in development mode, where providers may be on this machine, with these and a module. */
async function siteWith(providers: string, module = 'export const check = () => ({ refused: true })'): Promise<Site> {
  const made = await createSite()
  made.configure(`issuer: http://localhost:8080\nproviders:\n${providers}`)
  writeFileSync(join(made.folder, 'legacy.mjs'), module)
  return made
}
const run = (...args: string[]) => site.run(['provider', ...args, '--dev'])

describe('gatehouse provider', () => {
  it('lists the providers', async () => {
    site = await siteWith(corp() + legacy)
    expect((await run('list')).stdout.split('\n')).toEqual([
      'NAME    KIND    TITLE         DOMAINS',
      'corp    oidc    Example Corp  example.com',
      'legacy  module  legacy        -',
      '',
    ])
    expect(JSON.parse((await run('list', '--json')).stdout)).toEqual([
      { name: 'corp', kind: 'oidc', title: 'Example Corp', domains: ['example.com'] },
      { name: 'legacy', kind: 'module', title: 'legacy', domains: [] },
    ])
  })

  it('says what was looked at, and which address to register', async () => {
    site = await siteWith(corp() + legacy)
    const { code, stdout } = await run('test', 'corp')
    expect(stdout).toContain(`ok       document: ${issuer}/.well-known/openid-configuration is there`)
    expect(stdout).toContain('ok       keys: 1 that ID tokens can be signed with')
    expect(stdout).toContain('callback  http://localhost:8080/federation/corp/callback')
    expect(stdout).toContain('logout    http://localhost:8080/federation/corp/logout')
    expect(stdout).not.toContain('a-secret-of-corp')
    expect(code).toBe(0)
  })

  it('ends with 1 where something is wrong, and says what', async () => {
    site = await siteWith(corp())
    const all = keys
    keys = []
    const said = await run('test', 'corp').finally(() => {
      keys = all
    })
    expect(said.stdout).toContain('wrong    keys: none of its keys can sign ID tokens')
    expect(said.stdout).toContain('corp: mend what is wrong')
    expect(said.stdout).not.toContain('callback')
    expect(said.code).toBe(1)
  })

  it('answers with JSON, also where it is wrong', async () => {
    site = await siteWith(corp() + legacy, 'export const login = 1')
    const good = await run('test', 'corp', '--json')
    expect(JSON.parse(good.stdout)).toMatchObject({
      ...{ name: 'corp', kind: 'oidc', ok: true },
      findings: expect.arrayContaining([expect.objectContaining({ what: 'document', state: 'ok' })]),
      register: { callback: 'http://localhost:8080/federation/corp/callback' },
    })
    const bad = await run('test', 'legacy', '--json')
    expect(JSON.parse(bad.stdout)).toMatchObject({
      ...{ name: 'legacy', ok: false, register: {} },
      findings: [{ state: 'wrong', says: expect.stringContaining('exports neither check nor start and finish') }],
    })
    expect([good.code, bad.code]).toEqual([0, 1])
  })

  it('needs no name where there is one alone, and otherwise says which there are', async () => {
    site = await siteWith(legacy)
    const only = await run('test')
    expect([only.code, only.stdout]).toEqual([0, expect.stringContaining('module: it loads, and exports check')])
    expect(only.stdout).toContain('sign in with a name and a password of legacy')
    site.configure(`issuer: http://localhost:8080\nproviders:\n${corp()}${legacy}`)
    expect(await run('test')).toMatchObject({ code: 2, stderr: 'gatehouse: say which provider: corp, legacy\n' })
    expect(await run('test', 'krop')).toMatchObject({
      code: 2,
      stderr: 'gatehouse: there is no provider krop; there are: corp, legacy\n',
    })
    site.configure('issuer: http://localhost:8080\n')
    expect(await run('test')).toMatchObject({ code: 1, stderr: expect.stringContaining('has no providers') })
  })

  it('says where a module and its configuration are not of one mind', async () => {
    const sends = 'export const start = () => ({})\nexport const finish = () => ({ refused: true })'
    site = await siteWith(legacy, sends)
    const { code, stdout } = await run('test')
    expect([code, stdout]).toEqual([1, expect.stringContaining('wrong    exports: check is missing')])
  })

  it('hands nothing to the terminal but text', async () => {
    site = await siteWith(corp())
    methods = ['\u001b[2J\u202emine']
    const { code, stdout } = await run('test').finally(() => {
      methods = ['client_secret_basic']
    })
    expect(code).toBe(0)
    expect(stdout).toContain('warning  client: it lists  [2J mine and not client_secret_basic')
  })
})
