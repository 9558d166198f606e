import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { basic, createSite, postForm, program, type Site } from './running-program.ts'

const host = { host: 'auth.example.com' }
const secret = 'kD93nfXqW0aLr8Zt5uYvB2cMhE7gPsJ4'

let site: Site
afterEach(() => site.remove())

describe('the command line', () => {
  it('ends in peace where nobody reads on', async () => {
    site = await createSite()
    const command = `"${process.execPath}" "${program}" version --json | true; echo "$?"`
    const { stdout, stderr } = spawnSync('sh', ['-c', command], { cwd: site.folder, encoding: 'utf8' })
    expect([stdout, stderr]).toEqual(['0\n', ''])
  })

  it('answers with JSON, with exit codes, and takes secrets from standard input alone', async () => {
    site = await createSite()
    await site.run(['migrate'])
    const json = async (args: readonly string[], input?: string) =>
      JSON.parse((await site.run([...args, '--json'], input)).stdout) as Record<string, unknown>
    expect(await json(['version'])).toMatchObject({ version: expect.stringMatching(/^\d+\.\d+\.\d+$/) })
    expect(await json(['client', 'add', 'billing', '--scope', 'a,b'])).toMatchObject({
      client_id: 'billing',
      client_secret: expect.stringMatching(/^[\w-]{43}$/),
    })
    expect((await site.run(['client', 'add', 'billing'])).code).toBe(1)
    const rotated = await json(['client', 'rotate-secret', 'billing', '--overlap', '1h'])
    expect(rotated.client_secret).toMatch(/^[\w-]{43}$/)
    expect(await json(['client', 'list'])).toMatchObject([{ client_id: 'billing', scopes: ['a', 'b'] }])
    const next = (alg: string) => ({ alg, kid: expect.any(String), signs_from: expect.any(Number) })
    expect(await json(['keys', 'rotate'])).toEqual(['ES256', 'RS256', 'EdDSA'].map(next))
    expect(await json(['migrate', '--pending'])).toMatchObject({ pending: [] })
    expect(
      await json(['user', 'add', 'dave', '--hash'], '$2b$10$abcdefghijklmnopqrstuuUhUz5vVQpvZ0D3x1HlVZ9yV5rR1Xr3W\n'),
    ).toMatchObject({ username: 'dave' })
    expect(await site.run(['user', 'add', 'eve'], 'short\n')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('at least 15 characters'),
    })
    expect(await site.run(['user', 'add', 'eve'], '')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no secret on standard input'),
    })
    expect(await site.run(['user', 'set-password', 'nobody'], 'x\n')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no such user'),
    })
    expect((await site.run(['usr'])).code).toBe(2)
    expect((await site.run(['user', 'add', '--password', 'x'])).code).toBe(2)
    expect((await site.run(['--help'])).code).toBe(0)
    expect((await site.run(['user', 'add', '--help'])).stdout).toContain('Examples:')
    writeFileSync(join(site.folder, 'broken.json'), '{"keys":[{"kty":"EC","d":"x"}]}')
    expect(await site.run(['client', 'add', 'ci', '--jwks', 'broken.json'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('private members'),
    })
  })

  it('ends with 2 for what cannot be given, and for names that there are not', async () => {
    site = await createSite()
    await site.run(['migrate'])
    await site.run(['client', 'add', 'robot'])
    for (const args of [
      ['user', 'add', 'erin', '--no-password', '--scope', 'orders:read orders:write'],
      ['user', 'add', 'erin', '--no-password', '--role', 'a b'],
      ['user', 'change', 'nobody', '--no-role'],
      ['client', 'add', 'usr_x'],
      ['client', 'add', 'web', '--redirect-uri', 'nonsense'],
      ['client', 'rotate-secret', 'nobody'],
      ['can', 'nobody', 'GET', '/'],
      ['can', '-', 'GET', '/', '--scope', 'a'],
      ['can', 'client:robot', 'GET', '/', '--role', 'clerk'],
      ['can', 'client:robot', 'GET', '/', '--host', 'no host'],
      ['can', 'client:robot', 'GET', 'things'],
    ]) {
      expect({ args, code: (await site.run(args)).code }).toEqual({ args, code: 2 })
    }
    expect((await site.run(['user', 'list', '--json'])).stdout).toBe('[]\n')
    // What is refused is no wrong use.
    expect((await site.run(['client', 'add', 'robot'])).code).toBe(1)
  })

  it('says what a token says and whether it is good', async () => {
    site = await createSite(
      `clients: { robot: { secret: ${secret}, scopes: [a] }, sealed: { secret: ${secret}, access_token_format: opaque } }\n`,
    )
    const running = await site.start()
    const { access_token } = (
      await postForm(
        `${site.url}/oauth/token`,
        { grant_type: 'client_credentials' },
        { ...host, ...basic('robot', secret) },
      )
    ).json
    const good = await site.run(['token', 'inspect', '--json'], `${access_token}\n`)
    expect([good.code, JSON.parse(good.stdout)]).toEqual([
      0,
      expect.objectContaining({ valid: true, claims: expect.objectContaining({ sub: 'robot' }) }),
    ])
    expect((await site.run(['token', 'inspect'], 'x.y.z\n')).code).toBe(1)
    const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')
    const strange = `${encode({ alg: 'ES256', kid: '\u009b2J' })}.${encode({ sub: '\u202eevil' })}.AAAA`
    const shown = (await site.run(['token', 'inspect'], `${strange}\n`)).stdout
    expect(shown).toContain('"kid":"\\u009b2J"')
    expect(shown).toContain('"sub": "\\u202eevil"')
    const rotated = await site.run(['client', 'rotate-secret', 'robot'])
    expect([rotated.code, rotated.stderr]).toEqual([2, expect.stringContaining('clients.robot.secret_previous')])
    for (const [id, place] of [
      ['robot', 'gatehouse.yaml, under clients.robot: take clients.robot out'],
      ['first-party', 'built into Gatehouse'],
    ] as const) {
      const removed = await site.run(['client', 'remove', id])
      expect([removed.code, removed.stderr]).toEqual([2, expect.stringContaining(place)])
    }
    const added = await site.run(['client', 'add', 'robot'])
    expect([added.code, added.stderr]).toEqual([1, expect.stringContaining('under clients.robot')])
    const opaque = (
      await postForm(
        `${site.url}/oauth/token`,
        { grant_type: 'client_credentials' },
        { ...host, ...basic('sealed', secret) },
      )
    ).json
    expect(opaque.access_token).toMatch(/^gha_/)
    const opened = await site.run(['token', 'inspect', '--json'], `${opaque.access_token}\n`)
    expect([opened.code, JSON.parse(opened.stdout)]).toEqual([
      0,
      { valid: true, header: null, claims: expect.objectContaining({ sub: 'sealed' }) },
    ])
    await running.stop()
  })
})
