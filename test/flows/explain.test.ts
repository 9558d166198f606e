import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createSite, get, type Running, type Site } from './running-program.ts'

const secret = 'a-secret-of-reports-that-nobody-guesses'
let site: Site
let running: Running
beforeAll(async () => {
  site = await createSite()
  site.configure(`issuer: http://localhost:${site.port}
listen: 127.0.0.1:${site.port}
clients:
  reports: { secret: ${secret}, grant_types: [client_credentials], scopes: [orders:read] }
  books: { public: true, redirect_uris: ['https://books.example/cb'], scopes: [orders:read] }
`)
  running = await site.start(['dev'])
})
afterAll(() => site.remove())

const url = () => `http://localhost:${site.port}`

async function askForTokens(form: Record<string, string>, headers: Record<string, string> = {}) {
  const response = await fetch(`${url()}/oauth/token`, { method: 'POST', body: new URLSearchParams(form), headers })
  return { status: response.status, json: (await response.json()) as Record<string, string> }
}

/** What is said of an id, once it has been written. */
const explain = (id: string | undefined): Promise<string> =>
  vi.waitFor(
    async () => {
      const finished = await site.run(['explain', String(id), '--dev'])
      expect(finished.code).toBe(0)
      return finished.stdout
    },
    { timeout: 10_000, interval: 200 },
  )

describe('a refusal of an endpoint is explained by its request_id', () => {
  it.each<[string, Record<string, string>, string, string[]]>([
    [
      'an unknown client',
      { grant_type: 'client_credentials', client_id: 'reprots', client_secret: secret },
      'invalid_client',
      [
        'by:      a client that says to be reprots',
        'found:   there is no client reprots',
        'for:     grant_type=client_credentials',
      ],
    ],
    [
      'a wrong secret',
      { grant_type: 'client_credentials', client_id: 'reports', client_secret: 'wrong-canary' },
      'invalid_client',
      ['found:   the secret is none of the client’s', 'needed:  a secret of the client that has not expired'],
    ],
    [
      'another method',
      { grant_type: 'authorization_code', client_id: 'reports', code: 'canary' },
      'invalid_client',
      ['found:   the client proves itself by client_secret_basic, and not by none'],
    ],
    [
      'a grant type that the client may not use',
      { grant_type: 'refresh_token', client_id: 'reports', client_secret: secret, refresh_token: 'canary' },
      'unauthorized_client',
      [
        'found:   the grant types of reports are client_credentials',
        'needed:  refresh_token among the client’s grant_types',
      ],
    ],
    [
      'a scope that nobody has granted',
      { grant_type: 'client_credentials', client_id: 'reports', client_secret: secret, scope: 'orders:write' },
      'invalid_scope',
      ['for:     grant_type=client_credentials scope=orders:write', 'needed:  some of orders:read'],
    ],
    [
      'a code that was never given out',
      {
        grant_type: 'authorization_code',
        client_id: 'books',
        code: `ghc_canary${'a'.repeat(37)}`,
        redirect_uri: 'https://books.example/cb',
        code_verifier: 'canary',
      },
      'invalid_grant',
      ['found:   the code is unknown, or has been used'],
    ],
  ])('%s', async (_name, form, code, lines) => {
    const { json } = await askForTokens(form)
    expect(json.error).toBe(code)
    const said = await explain(json.request_id)
    expect(said).toContain(`asked:   POST localhost:${site.port}/oauth/token\n`)
    for (const line of lines) expect(said).toContain(line)
    expect(said).not.toMatch(/canary|nobody-guesses/)
    expect(running.output()).not.toMatch(/canary|nobody-guesses/)
  })

  it('a client that shows its secret in a header, by its name alone', async () => {
    const authorization = `Basic ${Buffer.from('reports:wrong-canary').toString('base64')}`
    const { json } = await askForTokens({ grant_type: 'client_credentials' }, { authorization })
    const said = await explain(json.request_id)
    expect(said).toContain('by:      a client that says to be reports')
    expect(said).not.toContain('canary')
  })

  it('an authorization request, also where its client is told by a redirect', async () => {
    const query = new URLSearchParams({
      ...{ client_id: 'books', redirect_uri: 'https://books.example/cb', response_type: 'code', state: 'canary' },
      ...{ scope: 'orders:write', code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' },
    })
    const told = await fetch(`${url()}/oauth/authorize?${query}`, { redirect: 'manual' })
    const back = new URL(told.headers.get('location') ?? '').searchParams
    expect([back.get('error'), back.get('state')]).toEqual(['invalid_scope', 'canary'])
    const said = await explain(back.get('request_id') ?? undefined)
    expect(said).toContain('refused: 400 invalid_scope')
    expect(said).toContain('scope=orders:write')
    expect(said).toContain('needed:  some of orders:read')
    query.set('redirect_uri', 'https://evil.example/cb')
    const page = await get(`${url()}/oauth/authorize?${query}`)
    const id = /req_[\w-]+/.exec(page.text)?.[0]
    expect(await explain(id)).toContain('redirect_uri=https://evil.example/cb')
    expect(running.output()).not.toContain('canary')
  })

  it('a sign-in, without what was typed', async () => {
    const sent = { username: 'canary-name', password: 'canary canary canary' }
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${url()}/login`, { method: 'POST', body: JSON.stringify(sent), headers })
    const json = (await response.json()) as Record<string, string>
    const said = await explain(json.request_id)
    expect(said).toContain('refused: 401 invalid_credentials')
    expect(said).toContain('found:   no user has the name that was typed')
    expect(said).not.toContain('canary')
  })
})

it('a sign-in for a client that is none of the first party is told what would be', async () => {
  const body = JSON.stringify({ username: 'alice', password: 'x', client_id: 'books' })
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${url()}/login`, { method: 'POST', body, headers })
  const said = await explain(((await response.json()) as Record<string, string>).request_id)
  expect(said).toContain('found:   the client is not a public one of the first party')
  expect(said).toContain('needed:  a public client with first_party: true')
})

it('strangers are told the same of a client that there is and of one that there is not', async () => {
  const answers = await Promise.all(
    ['reports', 'nobody'].map((client_id) =>
      askForTokens({ grant_type: 'client_credentials', client_id, client_secret: 'wrong' }),
    ),
  )
  const [first, second] = answers.map(({ status, json: { request_id: _, ...rest } }) => ({ status, ...rest }))
  expect(first).toEqual(second)
})
