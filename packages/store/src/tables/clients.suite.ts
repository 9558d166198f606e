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

  it('replaces what a client is registered with, and leaves what it may do', async () => {
    const { clients } = open().store
    const client = buildClient({ first_party: 1, audiences: 'https://auth.example.com/orders', is_dynamic: 1 })
    await clients.insert(client)
    const replacement = {
      id: client.id,
      name: 'Another name',
      auth_method: 'private_key_jwt',
      grant_types: 'authorization_code',
      scopes: 'orders:write',
      jwks: '{"keys":[]}',
      metadata: '{"client_name":"Another name"}',
      registration_token_hash: randomToken(32),
      updated_at: seconds(start + 5),
    }
    expect(await clients.replace(replacement)).toBe(true)
    expect(await clients.find(client.id)).toEqual({ ...client, ...replacement, secrets: [] })
    expect(await clients.replace({ ...replacement, id: buildClient().id })).toBe(false)
  })

  it('notes that a client was used, at most once in a while', async () => {
    const { clients } = open().store
    const client = buildClient()
    await clients.insert(client)
    const touch = async (now: number) => {
      await clients.touch({ id: client.id, now: seconds(now), since: seconds(now - 60) })
      return (await clients.find(client.id))?.used_at
    }
    expect([await touch(start), await touch(start + 60), await touch(start + 61)]).toEqual([start, start, start + 61])
  })

  it('counts clients that registered themselves, and lists those that nobody uses', async () => {
    const { clients } = open().store
    const before = await clients.countDynamic()
    const old = buildClient({ is_dynamic: 1 })
    const unused = buildClient({ is_dynamic: 1, used_at: start })
    const used = buildClient({ is_dynamic: 1, used_at: seconds(start + 100) })
    const young = buildClient({ is_dynamic: 1, created_at: seconds(start + 100) })
    const added = buildClient()
    for (const client of [old, unused, used, young, added]) await clients.insert(client)
    expect(await clients.countDynamic()).toBe(before + 4)
    const listed = await clients.listUnused(seconds(start + 100), 1000)
    const ids = [old, unused, used, young, added].map(({ id }) => id)
    expect(listed.filter((id) => ids.includes(id))).toEqual([old.id, unused.id].sort())
    expect(await clients.listUnused(seconds(start + 100), 1)).toEqual(listed.slice(0, 1))
  })

  it('keeps a secret that a MAC needs, sealed', async () => {
    const { clients } = open().store
    const client = buildClient({ auth_method: 'client_secret_jwt' })
    const secret = buildSecret(client, { sealed: 'key-1.sealed' })
    await clients.insert(client)
    await clients.addSecret(secret)
    expect((await clients.find(client.id))?.secrets).toEqual([secret])
  })
}
