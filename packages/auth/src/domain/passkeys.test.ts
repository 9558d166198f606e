import { generateKeyPairSync } from 'node:crypto'
import type { UserId } from '@gatehouse/core/brand'
import { ManualClock } from '@gatehouse/core/time'
import { makeCostlyKey } from '@gatehouse/guard/testing/costly-key'
import type { FactorRow } from '@gatehouse/store/rows'
import { openStore, type Store } from '@gatehouse/store/store'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createMailLooks } from '../mail/mail-looks.ts'
import { defaultBrand } from '../pages/brand.ts'
import { type AnswerChanges, SoftwareAuthenticator } from '../testing/software-authenticator.ts'
import { createNotices } from './notices.ts'
import { relyingPartyOf, userHandleOf } from './passkey-options.ts'
import { createPasskeys, type PasskeyPlace, type Passkeys } from './passkeys.ts'

const issuer = 'https://auth.example.com'
const alice = { id: 'usr_alice' as UserId, username: 'alice' } // any id will do
const bob = { id: 'usr_bob' as UserId, username: 'bob' } // any id will do
const hold = async (): Promise<void> => {}
const by = { actor: alice.id, address: '192.0.2.1', request_id: 'req_1' }

let store: Store
let clock: ManualClock
let passkeys: Passkeys
let authenticator: SoftwareAuthenticator
beforeEach(async () => {
  clock = new ManualClock()
  store = await openStore({ url: ':memory:', clock })
  await store.migrate()
  // Nobody here has an address to be told at.
  const outbox = { queue: () => Promise.reject(new Error('queued')) }
  const notices = createNotices({ clock, issuer, outbox, mailLooks: createMailLooks({ brand: () => defaultBrand }) })
  passkeys = createPasskeys({ store, clock, notices, relyingParty: relyingPartyOf(issuer) })
  authenticator = new SoftwareAuthenticator(issuer)
})
afterEach(() => store.close())

const register = async (changes: AnswerChanges = {}, user = alice, flow = 'flow-1') => {
  const attestation = authenticator.create(await passkeys.beginRegistration(user, 'flow-1'), changes)
  return passkeys.register({ user, flow, attestation, name: 'Phone', hold }, { ...by, actor: user.id })
}
const show = async (changes: AnswerChanges = {}, place: PasskeyPlace = { flow: 'flow-2' }) =>
  passkeys.check({ assertion: authenticator.get(await passkeys.beginAssertion(place), changes), place, by })
const used = async (changes: AnswerChanges = {}, place?: PasskeyPlace) => {
  const shown = await show(changes, place)
  if ('why' in shown) throw new Error(shown.why)
  await store.transaction((tables) => shown.use(tables))
  return shown
}
const onlyRow = async (): Promise<FactorRow> => {
  const [row, ...others] = await store.factors.listByUser(alice.id)
  if (!row || others.length > 0) throw new Error('not one factor')
  return row
}
/** What a browser says otherwise, of either answer. */
const wrongPlaces: readonly (readonly [string, AnswerChanges])[] = [
  ['another origin', { origin: 'https://auth.example.com.evil.test' }],
  ['another port', { origin: 'https://auth.example.com:8443' }],
  ['http', { origin: 'http://auth.example.com' }],
  ['another relying party', { rpId: 'evil.test' }],
  ['the parent domain', { rpId: 'example.com' }],
  ['a challenge of its own', { challenge: 'A'.repeat(43) }],
  ['a frame of another site', { clientData: { crossOrigin: true } }],
  ['a frame, by its top', { clientData: { topOrigin: 'https://evil.test' } }],
  ['a frame with a top that is its own', { clientData: { crossOrigin: true, topOrigin: issuer } }],
  ['something truthy for a frame', { clientData: { crossOrigin: 'false' } }],
  ['nobody present', { isPresent: false }],
  ['backed up without being able to', { canBeBackedUp: false, isBackedUp: true }],
]

describe('adding a passkey (WebAuthn section 7.1)', () => {
  it('keeps the key, and brings recovery codes with the first', async () => {
    const { recoveryCodes } = await register({ isBackedUp: true })
    expect(recoveryCodes).toHaveLength(10)
    expect(await onlyRow()).toMatchObject({
      ...{ kind: 'passkey', name: 'Phone', transports: 'internal hybrid', backed_up: 1, sign_count: 0 },
      ...{ credential_id: authenticator.credentials[0]?.id, sealed_secret: null, last_used_at: null },
    })
    clock.advance(1)
    expect((await register()).recoveryCodes).toBeUndefined()
    expect((await passkeys.beginRegistration(alice, 'flow-1')).excludeCredentials.map(({ id }) => id)).toEqual(
      authenticator.credentials.map(({ id }) => id),
    )
  })

  it('asks for one that is found without a name and checks who holds it, with a challenge of 32 bytes', async () => {
    const options = await passkeys.beginRegistration(alice, 'flow-1')
    expect(options).toMatchObject({
      rp: { id: 'auth.example.com' },
      authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
      attestation: 'none',
      timeout: 300_000,
    })
    expect(Buffer.from(options.challenge, 'base64url')).toHaveLength(32)
    expect(Buffer.from(options.user.id, 'base64url').length).toBeLessThanOrEqual(64)
  })

  it.each([
    ...wrongPlaces,
    ['nobody verified', { isVerified: false }],
    ['the other kind of answer', { type: 'webauthn.get' }],
    ['an algorithm that was not offered', { curve: 'P-384' }],
    ['an RSA key that costs much to check with', { rsa: makeCostlyKey() }],
    ['an id of more than 1023 bytes', { credentialId: Buffer.alloc(1024, 1) }],
    ['no id', { credentialId: Buffer.alloc(0) }],
  ] as readonly (readonly [string, AnswerChanges])[])('refuses %s, and keeps nothing', async (_name, changes) => {
    await expect(register(changes)).rejects.toMatchObject({ code: 'invalid_request' })
    expect(await store.factors.listByUser(alice.id)).toEqual([])
    expect(await store.recoveryCodes.count(alice.id)).toBe(0)
  })

  it('takes a key of RSA', async () => {
    await register({ rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }) })
    await used()
  })

  it('takes an id of 1023 bytes', async () => {
    await register({ credentialId: Buffer.alloc(1023, 1) })
    await used()
  })

  it('refuses a credential that somebody has already, and whose id is not the one that it names', async () => {
    const credentialId = Buffer.alloc(16, 7)
    await register({ credentialId })
    await expect(register({ credentialId }, bob)).rejects.toMatchObject({ code: 'invalid_request' })
    expect(await store.factors.listByUser(bob.id)).toEqual([])
    expect(await store.recoveryCodes.count(bob.id)).toBe(0)
    const attestation = authenticator.create(await passkeys.beginRegistration(bob, 'flow-1'))
    const renamed = { ...attestation, id: 'AAAA', rawId: 'AAAA' }
    await expect(
      passkeys.register({ user: bob, flow: 'flow-1', attestation: renamed, name: '', hold }, by),
    ).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('refuses a challenge of another flow, of another user, of before, and one that was used', async () => {
    await expect(register({}, alice, 'flow-2')).rejects.toMatchObject({ code: 'invalid_request' })
    const options = await passkeys.beginRegistration(bob, 'flow-1')
    const made = { user: alice, flow: 'flow-1', attestation: authenticator.create(options), name: '', hold }
    await expect(passkeys.register(made, by)).rejects.toMatchObject({ code: 'invalid_request' })
    const late = authenticator.create(await passkeys.beginRegistration(alice, 'flow-1'))
    clock.advance(300)
    await expect(passkeys.register({ ...made, attestation: late }, by)).rejects.toMatchObject({
      code: 'invalid_request',
    })
    const twice = await passkeys.beginRegistration(alice, 'flow-1')
    const outcomes = await Promise.allSettled(
      [1, 2, 3].map(() => passkeys.register({ ...made, attestation: authenticator.create(twice) }, by)),
    )
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(await store.factors.listByUser(alice.id)).toHaveLength(1)
  })

  it('stops at thirty', async () => {
    for (let count = 0; count < 30; count += 1) await register()
    await expect(register()).rejects.toMatchObject({ code: 'invalid_request' })
  })

  it('shows a name only where it can be shown', async () => {
    await register()
    const { id } = await onlyRow()
    await passkeys.rename(alice.id, id, 'a\u202eb', by)
    expect((await onlyRow()).name).toBe('Passkey')
    await passkeys.rename(alice.id, id, ` ${'x'.repeat(80)}`, by)
    expect((await onlyRow()).name).toBe('x'.repeat(59))
    await expect(passkeys.rename(bob.id, id, 'mine', by)).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('showing a passkey (WebAuthn section 7.2)', () => {
  it('says whose it is, that it was verified, and notes its use', async () => {
    await register()
    clock.advance(60)
    expect(await used({ isBackedUp: true })).toMatchObject({ user: alice.id, amr: ['pop', 'user', 'mfa'] })
    expect(await onlyRow()).toMatchObject({ sign_count: 1, backed_up: 1, last_used_at: clock.now() })
  })

  it('says that nobody was verified where nobody was', async () => {
    await register()
    expect(await used({ isVerified: false })).toMatchObject({ amr: ['pop', 'user'] })
  })

  it.each([
    ...wrongPlaces,
    ['the other kind of answer', { type: 'webauthn.create' }],
    ['another user', { userHandle: userHandleOf(bob) }],
    ['no user', { userHandle: null }],
  ] as readonly (readonly [string, AnswerChanges])[])('refuses %s, and notes no use', async (_name, changes) => {
    await register()
    expect(await show(changes)).toHaveProperty('why')
    expect(await onlyRow()).toMatchObject({ sign_count: 0, last_used_at: null })
    await used()
  })

  it('refuses a wrong signature, and a passkey that nobody has', async () => {
    await register()
    const place = { flow: 'flow-2' }
    const good = authenticator.get(await passkeys.beginAssertion(place))
    const signature = authenticator.get(await passkeys.beginAssertion(place)).response.signature
    const wrong = { ...good, response: { ...good.response, signature } }
    expect(await passkeys.check({ assertion: wrong, place, by })).toMatchObject({ user: alice.id })
    const unknown = { ...authenticator.get(await passkeys.beginAssertion(place)), id: 'AAAA', rawId: 'AAAA' }
    expect(await passkeys.check({ assertion: unknown, place, by })).toEqual({ why: 'unknown passkey', user: undefined })
  })

  it('takes a challenge once, within five minutes, and in the place that it was issued for', async () => {
    await register()
    const place = { flow: 'flow-2' }
    const check = (assertion: ReturnType<SoftwareAuthenticator['get']>, at: PasskeyPlace) =>
      passkeys.check({ assertion, place: at, by })
    const once = authenticator.get(await passkeys.beginAssertion(place))
    const outcomes = await Promise.all([1, 2, 3].map(() => check(once, place)))
    expect(outcomes.filter((outcome) => !('why' in outcome))).toHaveLength(1)
    const late = authenticator.get(await passkeys.beginAssertion(place))
    clock.advance(300)
    expect(await check(late, place)).toHaveProperty('why')
    const elsewhere: readonly PasskeyPlace[] = [{}, { flow: 'flow-3' }, { flow: 'flow-2', user: alice.id }]
    for (const other of elsewhere) {
      expect(await check(authenticator.get(await passkeys.beginAssertion(place)), other)).toHaveProperty('why')
      expect(await check(authenticator.get(await passkeys.beginAssertion(other)), place)).toHaveProperty('why')
    }
    await used({}, {})
  })

  it('keeps five challenges of a place, however often it asks', async () => {
    await register()
    const place = { flow: 'flow-2' }
    const first = await passkeys.beginAssertion(place)
    for (let count = 0; count < 5; count += 1) {
      clock.advance(1)
      await passkeys.beginAssertion(place)
    }
    expect(await passkeys.check({ assertion: authenticator.get(first), place, by })).toHaveProperty('why')
  })

  it('is beside a password one of the user’s own, also one that does not say whose it is', async () => {
    await register()
    const place = { flow: 'flow-2', user: alice.id }
    const options = await passkeys.beginAssertion(place)
    expect(options.allowCredentials.map(({ id }) => id)).toEqual([authenticator.credentials[0]?.id])
    expect(options.userVerification).toBe('preferred')
    await used({ userHandle: null }, place)
    expect(await show({ userHandle: userHandleOf(bob) }, place)).toHaveProperty('why')
    await register({}, bob)
    const others = await passkeys.beginAssertion(place)
    const assertion = authenticator.get({ ...others, allowCredentials: [] })
    expect(await passkeys.check({ assertion, place, by })).toMatchObject({ why: 'a passkey of another user' })
  })

  it('is refused, and noted, where its counter has gone back', async () => {
    await register({ count: 5 })
    for (const count of [5, 4, 0]) expect(await show({ count })).toHaveProperty('why')
    expect(await onlyRow()).toMatchObject({ sign_count: 5, last_used_at: null })
    const events = await store.audit.list({ limit: 10, type: 'passkey_went_back' })
    expect(events).toHaveLength(3)
    expect(events[0]).toMatchObject({ target: alice.id, result: 'refused' })
    await used({ count: 6 })
  })

  it('raises no alarm about a counter that nobody has signed', async () => {
    await register({ count: 5 })
    const place = { flow: 'flow-2' }
    const forged = authenticator.get(await passkeys.beginAssertion(place), { count: 1 })
    const { signature } = authenticator.get(await passkeys.beginAssertion(place), { count: 9 }).response
    const assertion = { ...forged, response: { ...forged.response, signature } }
    expect(await passkeys.check({ assertion, place, by })).toHaveProperty('why')
    expect(await store.audit.list({ limit: 10, type: 'passkey_went_back' })).toEqual([])
  })

  it('counts once of two uses with one counter, and not where it was removed meanwhile', async () => {
    await register()
    const [one, two] = [await show({ count: 7 }), await show({ count: 7 })]
    if ('why' in one || 'why' in two) throw new Error('refused')
    await store.transaction((tables) => one.use(tables))
    await expect(store.transaction((tables) => two.use(tables))).rejects.toMatchObject({ code: 'invalid_credentials' })
    const three = await show({ count: 8 })
    if ('why' in three) throw new Error('refused')
    await store.factors.delete(alice.id, (await onlyRow()).id)
    await expect(store.transaction((tables) => three.use(tables))).rejects.toMatchObject({
      code: 'invalid_credentials',
    })
  })

  it('does not lose that it could be backed up', async () => {
    await register({ isBackedUp: true })
    expect(await show({ canBeBackedUp: false })).toHaveProperty('why')
  })
})
