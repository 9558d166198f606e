import { randomToken } from '@gatehouse/core/random'
import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import type { Store } from './store.ts'
import type { OpenForSuite } from './testing/databases.ts'
import {
  buildClient,
  buildCode,
  buildDecoupledRequest,
  buildFlow,
  buildGrant,
  buildMail,
  buildMailedProof,
  buildOrganisationInvitation,
  buildPushedRequest,
  buildRefusal,
  buildSession,
  buildSessionClient,
  buildSigningKey,
  start,
} from './testing/rows.ts'

const longAgo = seconds(start - 1000)

async function removeAll(store: Store): Promise<void> {
  while ((await store.removeExpired()) > 0);
}

/** Revocations that have expired. */
const buildRevocations = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    kind: 'jti' as const,
    value: `expired-${index}`,
    issued_before: null,
    expires_at: start,
  }))

/** What the removal of expired rows promises on every database. */
export function describeExpiry(open: OpenForSuite): void {
  it('removes in chunks of the given size', async () => {
    const { store } = open()
    await removeAll(store)
    for (let index = 0; index < 7; index += 1) await store.sessions.insert(buildSession({ expires_at: longAgo }))
    const live = buildSession()
    await store.sessions.insert(live)
    expect([await store.removeExpired(3), await store.removeExpired(3), await store.removeExpired(3)]).toEqual([
      3, 3, 1,
    ])
    expect(await store.removeExpired()).toBe(0)
    expect(await store.sessions.findById(live.id)).toEqual(live)
  })

  it('removes from every table that expires', async () => {
    const { store } = open()
    // So many of them stay.
    await store.revocations.append(buildRevocations(100))
    await removeAll(store)
    const client = buildClient()
    const hash = randomToken(32)
    await store.sessions.insert(buildSession({ expires_at: start }))
    await store.grants.insert(buildGrant({ expires_at: start, access_expires_at: start }))
    await store.clients.addSecret({
      id: hash,
      client_id: client.id,
      hash,
      sealed: null,
      created_at: longAgo,
      expires_at: start,
    })
    await store.signingKeys.insert(buildSigningKey({ expires_at: start }))
    await store.usedIdentifiers.consume({ kind: 'k', hash, expires_at: start })
    await store.signInFailures.record([{ key: hash, at: longAgo, expires_at: start }])
    await store.familiarAddresses.remember({ user_id: buildSession().user_id, address: hash, expires_at: start })
    await store.setupTokens.insert({ hash, expires_at: start })
    await store.authorizationCodes.insert(buildCode({ expires_at: start }))
    await store.flows.insert(buildFlow({ expires_at: start }))
    await store.pushedRequests.insert(buildPushedRequest({ expires_at: start }))
    await store.decoupledRequests.insert(buildDecoupledRequest({ expires_at: start }))
    await store.sessionClients.put(buildSessionClient({ expires_at: start }))
    await store.mails.insert(buildMail({ delivered_at: longAgo, expires_at: start }), 10)
    await store.mailedProofs.put(buildMailedProof({ expires_at: start }))
    await store.rememberedDevices.insert({
      hash,
      user_id: buildSession().user_id,
      device: '',
      created_at: longAgo,
      expires_at: start,
    })
    await store.organisationInvitations.put(buildOrganisationInvitation({ expires_at: start }))
    await store.keptForms.insert({ hash, sealed: '', expires_at: start })
    await store.initialAccessTokens.insert({ hash, uses_left: 1, created_at: longAgo, expires_at: start })
    await store.revocations.append(buildRevocations(1))
    await store.refusals.append([buildRefusal({ expires_at: start })])
    expect(await store.removeExpired()).toBe(21)
    expect(await store.removeExpired()).toBe(0)
    expect(await store.usedIdentifiers.consume({ kind: 'k', hash, expires_at: start })).toBe(true)
  })

  it('keeps a request that can no longer be used, and a code that has been, until they expire', async () => {
    const { store } = open()
    const code = buildCode({ usable_until: longAgo, consumed_at: longAgo })
    const request = buildDecoupledRequest({ usable_until: longAgo })
    await Promise.all([store.authorizationCodes.insert(code), store.decoupledRequests.insert(request)])
    await removeAll(store)
    expect(await store.authorizationCodes.find(code.hash)).toEqual(code)
    expect(await store.decoupledRequests.find(request.hash)).toEqual(request)
  })

  it('leaves a mail that has not been delivered to whoever gives it up', async () => {
    const { store } = open()
    const mail = buildMail({ next_attempt_at: longAgo, expires_at: longAgo })
    await store.mails.insert(mail, 1000)
    await removeAll(store)
    const taken = await store.mails.take({ now: start, until: start, limit: 100 })
    expect(taken.map(({ id }) => id)).toContain(mail.id)
    await store.mails.delete(mail.id)
  })

  it('removes nothing for a clock that has jumped ahead: what was used would be usable again once it comes back', async () => {
    const { store, clock } = open()
    const used = { kind: 'k', hash: randomToken(32), expires_at: seconds(clock.now() + 60) }
    await store.usedIdentifiers.consume(used)
    await removeAll(store)
    clock.set(3600)
    try {
      expect(await store.removeExpired()).toBe(0)
    } finally {
      clock.set(-3600)
    }
    expect(await store.usedIdentifiers.consume(used)).toBe(false)
  })

  it('keeps a grant for as long as an access token of it lives', async () => {
    const { store, clock } = open()
    const row = buildGrant({ expires_at: start, access_expires_at: seconds(clock.now() + 50) })
    await store.grants.insert(row)
    await removeAll(store)
    expect(await store.grants.endBySession(row.session_id, 10)).toEqual([row])
  })

  it('keeps the last hundred revocations, so that readers find what they have read', async () => {
    const { store } = open()
    const rows = await store.revocations.append(buildRevocations(101))
    await removeAll(store)
    const find = (index: number) => store.revocations.from(rows[index]?.seq ?? 0, 1)
    expect(await find(0)).toEqual([])
    expect([await find(1), await store.revocations.last()]).toEqual([[rows[1]], rows[100]])
  })
}
