import type { UserRow } from '@gatehouse/store/rows'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { buildUser } from '../domain/users.ts'
import { TestBrowser } from '../testing/browser.ts'
import { providerOf } from '../testing/outside-providers.ts'
import { goodPassword, issuer, type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { compileMapping } from './mapping.ts'
import type { Recognised } from './outside-people.ts'
import type { OutsideIdentity } from './provider.ts'
import type { ProviderSettings } from './provider-settings.ts'

let started: StartedAuth
beforeEach(async () => {
  started = await startAuth()
})
afterEach(() => started.close())

const by = { address: '192.0.2.1' }
const ann: OutsideIdentity = {
  subject: 'subject-1',
  claims: { preferred_username: 'ann', name: 'Ann Lee', email: 'ann@corp.example', email_verified: true, locale: 'de' },
}
const asAlice: OutsideIdentity = { subject: 'subject-2', claims: { email: 'alice@example.com', email_verified: true } }
const recognise = (identity = ann, settings: Partial<ProviderSettings> = {}): Promise<Recognised> =>
  started.auth.federation.people.recognise(providerOf(settings), identity, by)
async function userOf(recognised: Promise<Recognised>): Promise<UserRow> {
  const found = await recognised
  if ('user' in found) return found.user
  throw new Error(found.why)
}
const find = (name: string): Promise<UserRow | undefined> => started.store.users.findByCanonicalName(name)

describe('somebody who comes for the first time', () => {
  it('gets an account with what the provider says and the configuration allows', async () => {
    const user = await userOf(recognise(ann, { trustsEmail: true }))
    expect(user).toMatchObject({
      ...{ username: 'ann', name: 'Ann Lee', email: 'ann@corp.example', locale: 'de', scopes: 'orders:read' },
      ...{ roles: '', password_hash: null, status: 'active' },
    })
    expect(await started.store.users.findById(user.id)).toMatchObject({ name: 'Ann Lee', email_verified_at: 1.8e9 })
  })

  it('gets none where the provider may open none', async () => {
    expect(await recognise(ann, { createsAccounts: false })).toEqual({ why: 'no_account' })
    expect(await find('ann')).toBeUndefined()
  })

  it('is the same one the next time, whatever else the provider says by then', async () => {
    const { id } = await userOf(recognise())
    const later = { ...ann, claims: { preferred_username: 'bob', email: 'alice@example.com', email_verified: true } }
    expect((await userOf(recognise(later, { createsAccounts: false, trustsEmail: true }))).id).toBe(id)
  })

  it('is somebody else at another provider, and with another subject', async () => {
    const first = await userOf(recognise())
    const second = await userOf(recognise(ann, { name: 'other' }))
    const third = await userOf(recognise({ ...ann, subject: 'SUBJECT-1' }))
    expect(new Set([first.id, second.id, third.id]).size).toBe(3)
    expect([second.username, third.username]).toEqual(['ann (other)', 'ann (corp)'])
  })

  it('gets one account where two come at once', async () => {
    const both = await Promise.all([userOf(recognise()), userOf(recognise())])
    expect(both[0].id).toBe(both[1].id)
  })

  it('takes nobody’s name', async () => {
    const user = await userOf(recognise({ subject: 'x', claims: { preferred_username: 'Alice' } }))
    expect(user.username).toBe('Alice (corp)')
    const again = await userOf(recognise({ subject: 'y', claims: { preferred_username: 'alice' } }))
    expect(again.username).toMatch(/^alice \(corp .+\)$/)
  })

  it('is not called by an address that is not known to be theirs', async () => {
    const claims = { preferred_username: 'boss@corp.example', email: 'ann@corp.example', email_verified: true }
    const user = await userOf(recognise({ subject: 'x', claims }, { trustsEmail: true }))
    expect(user).toMatchObject({ username: 'boss@corp.example (corp)', email: 'ann@corp.example' })
    const own = { email: 'own@corp.example', email_verified: true }
    expect((await userOf(recognise({ subject: 'y', claims: own }, { trustsEmail: true }))).username).toBe(
      'own@corp.example',
    )
    const untrusted = { subject: 'z', claims: { email: 'cat@corp.example', email_verified: true } }
    expect(await userOf(recognise(untrusted))).toMatchObject({ username: 'cat@corp.example (corp)', email: null })
  })

  it('has a subject of 1 to 255 characters', async () => {
    for (const subject of ['', 'x'.repeat(256)]) {
      expect(await recognise({ ...ann, subject })).toEqual({ why: 'subject_unusable' })
    }
    expect(await recognise({ ...ann, subject: 'x'.repeat(255) })).toHaveProperty('user')
  })
})

describe('an address', () => {
  it('leads to the account that has it where the provider is trusted with it, and its owner hears of that', async () => {
    const alice = await find('alice')
    const user = await userOf(recognise(asAlice, { trustsEmail: true }))
    expect([user.id, user.password_hash]).toEqual([alice?.id, alice?.password_hash])
    expect((await started.mail('identity_linked')).to).toBe('alice@example.com')
  })

  it.each([
    ['the provider is not trusted with addresses', {}, asAlice],
    [
      'it has not seen that it is theirs',
      { trustsEmail: true },
      { ...asAlice, claims: { email: 'alice@example.com' } },
    ],
    [
      'it says that it is not theirs',
      { trustsEmail: true },
      { ...asAlice, claims: { email: 'alice@example.com', email_verified: false } },
    ],
  ])('leads nowhere where %s', async (_, settings, identity) => {
    const recognised = await recognise(identity, settings)
    if ('user' in recognised) expect(recognised.user).toMatchObject({ email: null, roles: '' })
    const alice = await find('alice')
    expect(alice && (await started.store.linkedIdentities.listByUser(alice.id))).toEqual([])
  })

  it.each([
    [['corp.example'], false],
    [['example.co', 'ample.com', 'xexample.com'], false],
    [['corp.example', 'example.com'], true],
  ])('is believed of a provider with domains at those alone: %s', async (domains, leads) => {
    const alice = await find('alice')
    const recognised = await recognise(asAlice, { trustsEmail: true, domains })
    expect('user' in recognised && recognised.user.id === alice?.id).toBe(leads)
    const stranger = { subject: 's', claims: { email: 'boss@example.com', email_verified: true } }
    const opened = await userOf(recognise(stranger, { trustsEmail: true, domains }))
    expect(opened.email).toBe(leads ? 'boss@example.com' : null)
  })

  it('tells of an account here to whom it is verified alone', async () => {
    expect(await recognise(asAlice)).toEqual({ why: 'account_exists' })
    const unseen = { ...asAlice, claims: { email: 'alice@example.com' } }
    expect(await recognise(unseen, { createsAccounts: false })).toEqual({ why: 'no_account' })
  })

  it('that was taken by somebody who never showed it to be theirs goes to its owner, alone', async () => {
    const { store, clock, auth } = started
    const wanted = { username: 'mallory', password: goodPassword, scopes: [], roles: [], minimumPasswordLength: 15 }
    const row = await buildUser({ clock, passwords: auth.passwords }, wanted)
    const { id } = row
    const email = 'ann@corp.example'
    await store.users.insert({ ...row, email, email_canonical: email, email_verified_at: null })
    const browser = new TestBrowser(started.url, issuer)
    await browser.signIn(await browser.get('/login'), 'mallory', goodPassword)
    expect((await browser.get('/account')).has('password')).toBe(false)
    expect((await userOf(recognise(ann, { trustsEmail: true }))).id).toBe(id)
    expect(await store.users.findById(id)).toMatchObject({ password_hash: null, email_verified_at: clock.now() })
    expect((await browser.get('/account')).has('password')).toBe(true)
  })
})

describe('what the provider says by now', () => {
  const staff: Partial<ProviderSettings> = { mapping: compileMapping({ roles: 'claims.roles' }) }
  const withRoles = (...roles: string[]): OutsideIdentity => ({ ...ann, claims: { ...ann.claims, roles } })

  it('is taken over at each sign-in: names and roles', async () => {
    await recognise(withRoles('clerk', 'auditor'), staff)
    const renamed = { ...ann, claims: { ...withRoles('clerk').claims, name: 'Ann Bell' } }
    expect(await userOf(recognise(renamed, staff))).toMatchObject({ name: 'Ann Bell', roles: 'clerk' })
    expect(await find('ann')).toMatchObject({ name: 'Ann Bell', roles: 'clerk' })
  })

  it('does not rename whoever has a password here', async () => {
    await userOf(recognise(asAlice, { trustsEmail: true }))
    const named = { ...asAlice, claims: { ...asAlice.claims, name: 'First' } }
    expect((await userOf(recognise(named))).name).toBe('First')
    const renamed = { ...asAlice, claims: { ...asAlice.claims, name: 'Second' } }
    expect((await userOf(recognise(renamed))).name).toBe('First')
  })

  it('gives back nothing that a mapping gave which failed', async () => {
    await recognise(withRoles('clerk'), staff)
    expect((await userOf(recognise(ann, staff))).roles).toBe('')
  })
})

describe('linking', () => {
  const holding = async (): Promise<void> => {}
  const link = async (identity = ann, to = 'alice', settings: Partial<ProviderSettings> = {}): Promise<void> => {
    const user = await find(to)
    if (!user) throw new Error('there is no such user')
    return started.auth.federation.people.link(providerOf(settings), identity, { user: user.id, holding }, by)
  }

  it('makes somebody known by it from then on, and tells them', async () => {
    await link()
    expect((await userOf(recognise(ann, { createsAccounts: false }))).username).toBe('alice')
    expect((await started.mail('identity_linked')).to).toBe('alice@example.com')
  })

  it('takes no identity that leads to an account already', async () => {
    await recognise(ann)
    await expect(link()).rejects.toMatchObject({ code: 'already_exists' })
    expect((await userOf(recognise(ann))).username).toBe('ann')
  })

  it('ends at twenty', async () => {
    for (let index = 0; index < 20; index += 1) await link({ ...ann, subject: `s-${index}` })
    await expect(link()).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('does not happen where the account does not hold', async () => {
    const user = await find('alice')
    if (!user) throw new Error('there is no alice')
    const to = {
      user: user.id,
      holding: async () => {
        throw new Error('the session has ended')
      },
    }
    await expect(started.auth.federation.people.link(providerOf(), ann, to, by)).rejects.toThrow('has ended')
    expect(await started.store.linkedIdentities.listByUser(user.id)).toEqual([])
  })
})
