import { randomToken } from '@gatehouse/core/random'
import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import type { ClientRow, ClientSecretRow } from '../rows.ts'
import type { OpenForSuite } from '../testing/databases.ts'
import { buildClient, start } from '../testing/rows.ts'

const buildSecret = (client: ClientRow, overrides: Partial<ClientSecretRow> = {}): ClientSecretRow => ({
  id: randomToken(9),
  client_id: client.id,
  hash: randomToken(32),
  sealed: null,
  created_at: start,
  expires_at: null,
  ...overrides,
})

/** What the tables of clients and their secrets promise on every database. */
export function describeClients(open: OpenForSuite): void {
  it('finds a client with its secrets that have not expired', async () => {
    const { clients } = open().store
    const client = buildClient({ first_party: 1, jwks: '{"keys":[]}' })
    const lasting = buildSecret(client)
    const ending = buildSecret(client, { expires_at: seconds(start + 1), created_at: seconds(start + 1) })
    await clients.insert(client)
    for (const secret of [lasting, ending, buildSecret(client, { expires_at: start })]) await clients.addSecret(secret)
    expect(await clients.find(client.id)).toEqual({ ...client, secrets: [lasting, ending] })
    expect(await clients.find(buildClient().id)).toBeUndefined()
    await expect(clients.insert(client)).rejects.toMatchObject({ code: 'already_exists' })
  })

  it('lists in the order of the ids, from after one', async () => {
    const { clients } = open().store
    const ids = [buildClient(), buildClient(), buildClient()].map((client) => client.id).sort()
    for (const id of ids) await clients.insert(buildClient({ id }))
    const all = (await clients.list()).map((client) => client.id)
    expect(all.filter((id) => ids.includes(id))).toEqual(ids)
    const [after = ''] = all
    expect((await clients.list({ after, limit: 2 })).map((client) => client.id)).toEqual(all.slice(1, 3))
  })

  it('lets every secret but one end, and leaves those that end earlier', async () => {
    const { clients } = open().store
    const client = buildClient()
    const kept = buildSecret(client)
    const replaced = buildSecret(client)
    const earlier = buildSecret(client, { expires_at: seconds(start + 10) })
    await clients.insert(client)
    for (const secret of [kept, replaced, earlier]) await clients.addSecret(secret)
    const at = seconds(start + 100)
    expect(await clients.expireSecrets({ client_id: client.id, at, except: kept.id })).toBe(1)
    const found = await clients.find(client.id)
    expect(new Map(found?.secrets.map((secret) => [secret.id, secret.expires_at]))).toEqual(
      new Map([
        [kept.id, null],
        [replaced.id, at],
        [earlier.id, start + 10],
      ]),
    )
    expect(await clients.expireSecrets({ client_id: client.id, at: start, except: null })).toBe(3)
    expect((await clients.find(client.id))?.secrets).toEqual([])
  })

  it('disables, and deletes with the secrets', async () => {
    const { clients } = open().store
    const client = buildClient()
    await clients.insert(client)
    await clients.addSecret(buildSecret(client))
    const at = seconds(start + 3)
    expect(await clients.setStatus({ id: client.id, status: 'disabled', at })).toBe(true)
    expect(await clients.find(client.id)).toMatchObject({ status: 'disabled', updated_at: at })
    expect(await clients.delete(client.id)).toBe(true)
    expect(await clients.delete(client.id)).toBe(false)
    expect(await clients.setStatus({ id: client.id, status: 'active', at })).toBe(false)
    await clients.insert(client)
    expect((await clients.find(client.id))?.secrets).toEqual([])
  })
}
