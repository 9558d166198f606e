import { noRegistration } from '@gatehouse/auth/testing/start-auth'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClientKeys } from '../rfc/client-keys.ts'
import { type Provider, redirectUri, startProvider, web } from '../rfc/provider.ts'
import { refusing } from './refusal.ts'

/**
 * Addresses that strangers make Gatehouse ask. That each is refused before a connection is made, however it is spelled, is
 * in auth/src/outbound; here, that every feature that asks goes that way, and that its answer tells nothing of what is there.
 */
const inside = [
  'https://169.254.169.254/latest/meta-data',
  'https://[::ffff:a9fe:a9fe]/',
  'https://10.0.0.1/',
  'https://192.168.1.1:8443/',
  'https://[fd00::1]/',
  'https://0x0a000001/',
  'https://167772161/',
  'https://0/',
]
const keys = createClientKeys()
let provider: Provider
beforeAll(async () => {
  const byKey = { authMethod: 'private_key_jwt', secret: undefined, secretEitherWay: false } as const
  provider = await startProvider(
    {},
    inside.flatMap((address, index) => [
      { ...web, ...byKey, id: `keys-${index}`, metadata: { ...web.metadata, jwks_uri: address } },
      { ...web, id: `request-${index}`, metadata: { ...web.metadata, request_uris: [address] } },
    ]),
    { settings: { registration: { ...noRegistration, mode: 'open', documents: true } } },
  )
})
afterAll(() => provider.close())

/** Asks for each address; every answer is the same and comes at once. */
async function alike<T extends { readonly status: number }>(
  ask: (address: string, index: number) => Promise<T>,
  show: (answer: T) => unknown,
): Promise<T[]> {
  const answers: T[] = []
  for (const [index, address] of inside.entries()) {
    const startedAt = performance.now()
    answers.push(await refusing(provider, () => ask(address, index)))
    expect(performance.now() - startedAt, address).toBeLessThan(1000)
  }
  expect(new Set(answers.map((answer) => JSON.stringify(show(answer)))).size).toBe(1)
  return answers
}

describe('an address inside', () => {
  it('as jwks_uri proves no client', async () => {
    const [first] = await alike(
      async (_, index) => {
        const assertion = await keys.assertion(`keys-${index}`, provider.clock.now())
        return provider.token({ grant_type: 'client_credentials', ...assertion }, {})
      },
      ({ status, body }) => [status, body.error, body.error_description],
    )
    expect(first).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
  })

  it('as request_uri is invalid_request_uri', async () => {
    const [first] = await alike(
      (address, index) => {
        const query = new URLSearchParams({
          client_id: `request-${index}`,
          request_uri: address,
          redirect_uri: redirectUri,
        })
        return provider.browser.get(`/oauth/authorize?${query}`)
      },
      (page) => [page.status, page.headers.get('location')],
    )
    expect([first?.status, first?.headers.get('location')]).toEqual([400, null])
  })

  it('as sector_identifier_uri is no registration', async () => {
    const said = { redirect_uris: [redirectUri], subject_type: 'pairwise' }
    const [first] = await alike(
      async (sector_identifier_uri) => {
        const response = await provider.postJson('/oauth/register', { ...said, sector_identifier_uri })
        const { error, error_description } = (await response.json()) as Record<string, string>
        return { status: response.status, error, error_description }
      },
      (answer) => answer,
    )
    expect(first).toMatchObject({ status: 400, error: 'invalid_client_metadata' })
  })

  it('as the id of a client is no client', async () => {
    const [first] = await alike(
      (address) => provider.browser.get(provider.authorizePath({ client_id: `${address}client.json` })),
      (page) => [page.status, page.headers.get('location')],
    )
    expect(first?.status).toBe(400)
  })

  it('as logo, home page or terms is never asked: people are only shown its host', async () => {
    const said = { redirect_uris: [redirectUri], logo_uri: inside[0], client_uri: inside[1], tos_uri: inside[2] }
    const response = await refusing(provider, () => provider.postJson('/oauth/register', said))
    expect(response.status).toBe(201)
  })

  it.each([
    'file:///etc/passwd',
    'gopher://10.0.0.1/',
    'ftp://10.0.0.1/',
    'http://10.0.0.1/',
    'https://u:p@10.0.0.1/x',
    '//10.0.0.1',
  ])('and %s cannot be registered at all', async (address) => {
    for (const name of ['jwks_uri', 'logo_uri', 'backchannel_logout_uri', 'frontchannel_logout_uri']) {
      const said = { redirect_uris: [redirectUri], [name]: address }
      const response = await refusing(provider, () => provider.postJson('/oauth/register', said))
      if (!address.startsWith('https:')) expect(response.status, name).toBe(400)
    }
  })
})
