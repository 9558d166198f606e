import type { UserId } from '@gatehouse/core/brand'
import { describe, expect, it } from 'vitest'
import { compileMapping } from '../federation/mapping.ts'
import { useProviderVisits } from '../testing/provider-visit.ts'
import { goodPassword } from '../testing/start-auth.ts'
import { addTotp, currentCode } from '../testing/totp.ts'

const visits = useProviderVisits()
const byGroups = () => compileMapping({ roles: 'claims.groups' })

const aliceOf = async () => {
  const user = await visits.auth.store.users.findByCanonicalName('alice')
  if (!user) throw new Error('no alice')
  return user
}

describe('addresses', () => {
  it('lead to an account that has shown its own where the provider is trusted and has verified it', async () => {
    await visits.start([visits.provider({ trustsEmail: true })])
    const browser = visits.newBrowser()
    await visits.signIn({ email: 'ALICE@example.com', email_verified: true }, browser)
    expect((await visits.sessionIn(browser))?.user.username).toBe('alice')
    expect((await aliceOf()).password_hash).not.toBeNull()
  })

  it.each([
    ['not trusted, verified', false, 'alice@example.com', true],
    ['trusted, not verified', true, 'alice@example.com', false],
    ['trusted, verified in other words', true, 'alice@example.com', 'yes'],
    ['trusted, two @', true, 'alice@evil@example.com', true],
    ['trusted, a quoted name', true, '"alice"@example.com', true],
    ['trusted, a comment', true, 'alice(x)@example.com', true],
    ['trusted, a dot at the end', true, 'alice@example.com.', true],
    ['trusted, a zero-width space', true, 'alice\u200b@example.com', true],
    ['trusted, a list', true, ['alice@example.com'], true],
    // Compared as alice's, and the mailbox of somebody else.
    ['trusted, an ordinal for a letter', true, 'ªlice@example.com', true],
    ['trusted, a wide letter', true, 'ａlice@example.com', true],
    ['trusted, a raised letter', true, 'alⁱce@example.com', true],
    ['trusted, a wide @', true, 'alice＠example.com', true],
    ['trusted, a space before', true, ' alice@example.com', true],
  ])('lead nowhere: %s', async (_name, trustsEmail, email, email_verified) => {
    await visits.start([visits.provider({ trustsEmail })])
    const browser = visits.newBrowser()
    await visits.signIn({ email, email_verified, preferred_username: 'mallory' }, browser)
    const found = await visits.sessionIn(browser)
    expect(found?.user.username).not.toBe('alice')
    expect(await visits.auth.store.linkedIdentities.listByUser((await aliceOf()).id)).toEqual([])
    expect(found?.user.email ?? null).toBeNull()
  })

  it.each(['bob@evil@example.com', '"bob"@example.com', 'bob@example.com.', 'bob＠example.com', 'bob@example.com'])(
    'do not become names of whoever has not shown them: %s',
    async (name) => {
      await visits.start()
      const browser = visits.newBrowser()
      await visits.signIn({ preferred_username: name }, browser)
      expect((await visits.sessionIn(browser))?.user.username).toBe(`${name} (corp)`)
    },
  )

  it('take an account from whoever opened it with an address that was not theirs', async () => {
    const { store, clock } = await visits.start([visits.provider({ trustsEmail: true, mapping: byGroups() })])
    const alice = await aliceOf()
    // As if it had been opened by somebody else: the address was never shown.
    const squatter = visits.newBrowser()
    const page = await squatter.signIn(await squatter.get('/account/linked'), 'alice', goodPassword)
    expect(page.status).toBe(200)
    const sent = await visits.leaveToLink(squatter)
    await visits.give(sent.get('nonce'), { sub: 'squatter', groups: ['squatters'], auth_time: clock.now() })
    await visits.comeBack(squatter, sent.get('state'))
    await store.users.delete(alice.id)
    await store.users.insert({ ...alice, email_verified_at: null, roles: 'clerk squatters' })
    const owner = visits.newBrowser()
    await visits.signIn({ sub: 'owner', email: 'alice@example.com', email_verified: true }, owner)
    expect((await visits.sessionIn(owner))?.user.id).toBe(alice.id)
    expect(await visits.sessionIn(squatter)).toBeUndefined()
    const links = await store.linkedIdentities.listByUser(alice.id)
    expect(links.map(({ subject }) => subject)).toEqual(['owner'])
    const after = await store.users.findById(alice.id)
    expect([after?.password_hash, after?.email_verified_at]).toEqual([null, clock.now()])
    expect(after?.roles).toBe('clerk')
  })
})

describe('linking', () => {
  it('leaves an identity with whom it is linked to', async () => {
    await visits.start()
    await visits.signIn({ sub: 'bob', preferred_username: 'bob' })
    const browser = visits.newBrowser()
    await browser.signIn(await browser.get('/account/linked'), 'alice', goodPassword)
    const sent = await visits.leaveToLink(browser)
    await visits.give(sent.get('nonce'), { sub: 'bob', auth_time: visits.auth.clock.now() })
    const page = await visits.comeBack(browser, sent.get('state'))
    expect(page.status).toBe(400)
    const link = await visits.auth.store.linkedIdentities.find({ provider: 'corp', subject: 'bob' })
    expect(link?.user_id).not.toBe((await aliceOf()).id)
  })

  it('works at a provider that cannot tell whether somebody has proven anew who they are', async () => {
    await visits.start([visits.plainProvider()])
    const browser = visits.newBrowser()
    await browser.signIn(await browser.get('/account/linked'), 'alice', goodPassword)
    expect((await visits.leaveToLink(browser, 'plain')).get('state')).toMatch(/^[\w-]{43}$/)
  })

  it('takes back what a provider has brought when it is unlinked, and ends the sessions that had it', async () => {
    const { store } = await visits.start([visits.provider({ mapping: byGroups() })])
    const browser = visits.newBrowser()
    await browser.signIn(await browser.get('/account/linked'), 'alice', goodPassword)
    const sent = await visits.leaveToLink(browser)
    await visits.give(sent.get('nonce'), { groups: ['administrator'], auth_time: visits.auth.clock.now() })
    const linked = await visits.comeBack(browser, sent.get('state'))
    expect(linked.status).toBe(200)
    expect((await aliceOf()).roles).toBe('clerk administrator')
    const page = await browser.get('/account/linked')
    const flow = /name="flow" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
    await browser.post('/account/linked/remove', { flow, provider: 'corp', subject: 'person-1' })
    expect(await store.linkedIdentities.listByUser((await aliceOf()).id)).toEqual([])
    expect((await aliceOf()).roles).toBe('clerk')
    expect(await visits.sessionIn(browser)).toBeUndefined()
  })

  it('does not take away the last way in', async () => {
    const { store } = await visits.start()
    const browser = visits.newBrowser()
    await visits.signIn({ preferred_username: 'bob' }, browser)
    const page = await browser.get('/account/linked')
    const flow = /name="flow" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
    const refused = await browser.post('/account/linked/remove', { flow, provider: 'corp', subject: 'person-1' })
    expect(refused.status).toBe(400)
    expect(await store.linkedIdentities.find({ provider: 'corp', subject: 'person-1' })).toBeDefined()
    // Nor somebody else's.
    const alice = visits.newBrowser()
    const own = await alice.signIn(await alice.get('/account/linked'), 'alice', goodPassword)
    const hers = { flow: /flow=([\w-]{22})/.exec(own.text)?.[1] ?? '', provider: 'corp', subject: 'person-1' }
    expect((await alice.post('/account/linked/remove', hers)).status).toBe(404)
  })
})

describe('roles', () => {
  it('that a provider brings no more are taken away, and the sessions end that had them', async () => {
    await visits.start([visits.provider({ mapping: byGroups() })])
    const first = visits.newBrowser()
    await visits.signIn({ preferred_username: 'bob', groups: ['boss', 'clerk'] }, first)
    expect((await visits.sessionIn(first))?.user.roles).toBe('boss clerk')
    const second = visits.newBrowser()
    await visits.signIn({ preferred_username: 'bob', groups: ['clerk'] }, second)
    expect(await visits.sessionIn(first)).toBeUndefined()
    expect((await visits.sessionIn(second))?.user.roles).toBe('clerk')
  })
})

it('rests on the provider after a second factor was shown', async () => {
  const { store } = await visits.start([visits.provider({ trustsEmail: true })])
  const secret = await addTotp(visits.auth, 'alice')
  const browser = visits.newBrowser()
  const page = await visits.signIn({ email: 'alice@example.com', email_verified: true, sid: 'there' }, browser)
  expect(new URL(page.url).pathname).toBe('/login/factor')
  expect(await visits.sessionIn(browser)).toBeUndefined()
  await browser.submit(page, { method: 'totp', code: currentCode(visits.auth, secret) })
  const found = await visits.sessionIn(browser)
  expect(found?.session.acr).toBe('2')
  expect(await store.providerSessions.find(found?.session.provider_session ?? '')).toMatchObject({ sid: 'there' })
})

describe('an older system whose passwords are taken over', () => {
  const shadow = (url: string) =>
    visits.provider({
      ...{ name: 'old', title: 'Old', isShadow: true, doors: { redirect: false, check: true } },
      definition: {
        kind: 'oauth2',
        settings: {
          authorizationEndpoint: `${url}/authorize`,
          tokenEndpoint: `${url}/token`,
          clientId: 'gatehouse',
          authentication: { method: 'client_secret_basic', secret: 'canary-secret' },
          userinfo: [{ url: `${url}/userinfo` }],
          subject: 'sub',
          scopes: [],
          authorizationParameters: {},
          pkce: false,
          tokenAnswer: 'json',
          passwordGrant: true,
          keepTokens: false,
        },
      },
    })

  it('has no say any more once the password was changed here, under whatever name it is asked', async () => {
    const { store } = await visits.start([shadow(visits.upstream.issuer)])
    visits.upstream.giveTokens({ access_token: 'canary-at', token_type: 'Bearer' })
    visits.upstream.userinfo = { sub: 'bob-1', preferred_username: 'bob' }
    const first = visits.newBrowser()
    await first.signIn(await first.get('/login'), 'bob', 'the password of old')
    const bob = (await visits.sessionIn(first))?.user
    expect(bob?.username).toBe('bob')
    const moved = await store.users.findByCanonicalName('bob')
    expect(moved?.password_hash).not.toBeNull()
    const changed = { id: bob?.id ?? ('' as UserId), expected: moved?.password_hash ?? '', hash: 'another one' }
    await store.users.setPasswordHash({ ...changed, at: visits.auth.clock.now() })
    // Somebody who knows the old password tries it under a name that is nobody's here, and that the old system knows.
    const again = visits.newBrowser()
    const page = await again.signIn(await again.get('/login'), 'bob@old.example', 'the password of old')
    expect(page.status).toBe(401)
    expect(await visits.sessionIn(again)).toBeUndefined()
    expect((await store.users.findByCanonicalName('bob'))?.password_hash).toBe('another one')
  })
})
