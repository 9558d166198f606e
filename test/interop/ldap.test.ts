import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { createLdapProvider } from '@gatehouse/auth/federation/ldap'
import type { LdapServer, LdapSettings } from '@gatehouse/auth/federation/ldap-settings'
import type { CheckDoor, Finding, OutsideIdentity, Provider } from '@gatehouse/auth/federation/provider'
import { ProviderFailure } from '@gatehouse/auth/federation/provider-failure'
import { createOutbound } from '@gatehouse/auth/outbound/outbound'
import { ManualClock } from '@gatehouse/core/time'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { findFreePort } from '../flows/running-program.ts'
import { baseDn, type Directory, searchUser, startDirectory } from './directory.ts'

/** What a process does, in the kernel's letter: T = it is stopped. */
const stateOf = ({ pid }: ChildProcess): string | undefined =>
  /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]

const isMissing = /slapd|ldap-utils/.test(process.env.GATEHOUSE_MISSING ?? '')

describe.skipIf(isMissing)('a directory: OpenLDAP', () => {
  let directory: Directory
  let clock: ManualClock
  const outbound = createOutbound({ allowLoopback: true })
  const opened: Provider[] = []

  beforeAll(async () => {
    directory = await startDirectory()
  })
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((provider) => provider.close()))
  })
  afterAll(async () => {
    outbound.close()
    await directory?.remove()
  })

  const server = (security: LdapServer['security'], host = '127.0.0.1'): LdapServer => ({
    ...{ host, security },
    port: security === 'tls' ? directory.securePort : directory.port,
  })
  function open(changes: Partial<LdapSettings> = {}): Provider {
    clock = new ManualClock(Math.floor(Date.now() / 1000))
    const settings: LdapSettings = {
      servers: [server('none')],
      authorities: directory.authority,
      searchUser,
      baseDn,
      userFilter: '(&(objectClass=person)(|(uid={username})(mail={username})))',
      subjectAttribute: 'entryUUID',
      usernameAttribute: 'uid',
      attributes: ['mail', 'telephoneNumber'],
      groups: { baseDn: `ou=groups,${baseDn}`, filter: '(|(member={dn})(memberUid={username}))', nameAttribute: 'cn' },
      poolSize: 4,
      ...changes,
    }
    const provider = createLdapProvider({ name: 'corp', issuer: 'https://auth.example.com', clock, outbound }, settings)
    opened.push(provider)
    return provider
  }
  const judge = (provider: Provider, username: string, password: string): ReturnType<CheckDoor> =>
    provider.check?.({ username, password, address: '127.0.0.1' }) ?? Promise.reject(new Error('no door'))
  /** Who is let in. */
  const check = async (
    provider: Provider,
    username: string,
    password: string,
  ): Promise<OutsideIdentity | undefined> => {
    const found = await judge(provider, username, password)
    return found && 'subject' in found ? found : undefined
  }
  const failureOf = (promise: Promise<unknown>): Promise<ProviderFailure> =>
    promise.then(
      () => Promise.reject(new Error('it did not fail')),
      (error) => (error instanceof ProviderFailure ? error : Promise.reject(error)),
    )
  async function findingsOf(provider: Provider): Promise<readonly Finding[]> {
    const findings: Finding[] = []
    for await (const finding of provider.examine()) findings.push(finding)
    return findings
  }

  describe('lets in', () => {
    it('who has a name or an address there, with attributes and groups', async () => {
      const provider = open()
      const alice = await check(provider, 'alice', 'alice-secret')
      expect(alice).toEqual({
        subject: expect.stringMatching(/^[0-9a-f-]{36}$/),
        amr: ['pwd'],
        claims: {
          ...{ dn: `uid=alice,ou=people,${baseDn}`, preferred_username: 'alice' },
          ...{ name: 'Alice Example', given_name: 'Alice', family_name: 'Example', email: 'alice@example.org' },
          ...{ mail: ['alice@example.org', 'a.example@example.org'], telephoneNumber: '+49 30 123' },
          groups: ['admins', 'clerks'],
        },
      })
      expect(await check(provider, 'A.Example@example.org', 'alice-secret')).toEqual(alice)
      expect((await check(provider, 'bob', 'bob-secret'))?.claims.groups).toEqual(['staff'])
    })

    it('names with every letter that means something in a filter or in a DN, as what they are', async () => {
      const provider = open()
      const weird = await check(provider, 'wei*rd(1)\\2a', 'weird-secret')
      expect(weird?.claims).toMatchObject({ preferred_username: 'wei*rd(1)\\2a', groups: ['clerks'] })
      expect((await check(provider, 'zoë', 'zoë-geheim'))?.claims.family_name).toBe('Ünïcode')
    })

    it.each(['tls', 'starttls'] as const)('over %s, by address and by name', async (security) => {
      for (const host of ['127.0.0.1', 'localhost']) {
        const provider = open({ servers: [server(security, host)] })
        expect((await check(provider, 'alice', 'alice-secret'))?.claims.name).toBe('Alice Example')
        expect(await check(provider, 'alice', 'wrong')).toBeUndefined()
      }
    })
  })

  describe('lets nobody in', () => {
    it.each([
      ['a wrong password', 'alice', 'bob-secret'],
      ['an empty password, which this server says yes to', 'alice', ''],
      ['nobody’s name', 'carol', 'alice-secret'],
      ['an empty name', '', 'alice-secret'],
      ['a star', '*', 'alice-secret'],
      ['a star behind a beginning', 'al*', 'alice-secret'],
      ['a filter of one’s own', 'x)(uid=*', 'alice-secret'],
      ['a filter that closes ours', 'alice)(|(uid=*', 'alice-secret'],
      ['an escaped star', '\\2a', 'alice-secret'],
      ['an escaped name', '\\61lice', 'alice-secret'],
      ['NUL behind a name', 'alice\0', 'alice-secret'],
      ['an escaped NUL', 'alice\\00', 'alice-secret'],
      ['a placeholder', '{username}', 'alice-secret'],
      ['a DN', `uid=alice,ou=people,${baseDn}`, 'alice-secret'],
      ['a name that is too long', 'a'.repeat(100_000), 'alice-secret'],
      ['a password with NUL', 'alice', 'alice-secret\0'],
    ])('with %s', async (_, username, password) => {
      expect(await check(open(), username, password)).toBeUndefined()
    })

    it('by any of the names that lead to one entry, and says which that is', async () => {
      const provider = open()
      const alice = await check(provider, 'alice', 'alice-secret')
      for (const name of ['alice', 'ALICE', 'AL\u0130CE', 'alice@example.org', 'a.example@example.org']) {
        expect(await judge(provider, name, 'wrong'), name).toEqual({ wrongFor: alice?.subject })
      }
      expect(await judge(provider, 'carol', 'wrong')).toBeUndefined()
      const bySomething = open({ subjectAttribute: 'description' })
      expect(await judge(bySomething, 'alice', 'wrong')).toEqual({ wrongFor: `uid=alice,ou=people,${baseDn}` })
    })

    it('whom a name fits that fits somebody else too, not even to say whether the password is right', async () => {
      for (const password of ['twin-secret', 'wrong']) {
        expect(await failureOf(check(open(), 'twin', password))).toMatchObject({ reason: 'refused' })
      }
    })

    it('who does not fit the filter of those who may', async () => {
      const provider = open({ activeFilter: '(!(description=locked))' })
      expect(await check(provider, 'bob', 'bob-secret')).toBeDefined()
      directory.change(`dn: uid=bob,ou=people,${baseDn}\nchangetype: modify\nadd: description\ndescription: locked\n`)
      expect(await check(provider, 'bob', 'bob-secret')).toBeUndefined()
      directory.change(`dn: uid=bob,ou=people,${baseDn}\nchangetype: modify\ndelete: description\n`)
    })

    it('who is not the search user, and says so only to whoever runs it', async () => {
      const provider = open({ searchUser: { ...searchUser, password: 'not-its-password' } })
      const failure = await failureOf(check(provider, 'alice', 'alice-secret'))
      expect(failure).toMatchObject({ reason: 'misconfigured', detail: expect.stringContaining('bind_dn') })
      expect(JSON.stringify([failure.detail, failure.message, String(failure.cause)])).not.toMatch(/secret|password:/)
    })

    it('on the search user’s rights: what is searched is not seen by who signed in, or by nobody', async () => {
      const provider = open({ poolSize: 1 })
      for (const [name, password] of [
        ['bob', 'bob-secret'],
        ['alice', 'wrong'],
        ['alice', 'alice-secret'],
      ] as const) {
        await check(provider, name, password)
        expect((await check(provider, 'alice', 'alice-secret'))?.claims.groups).toEqual(['admins', 'clerks'])
      }
      const anonymous = open({ searchUser: undefined })
      expect(await failureOf(check(anonymous, 'alice', 'alice-secret'))).toMatchObject({ reason: 'misconfigured' })
    })
  })

  describe('is asked again', () => {
    it('and says what somebody is by now, until they are gone', async () => {
      const provider = open({ activeFilter: '(!(description=locked))' })
      directory.change(`dn: uid=dora,ou=people,${baseDn}
changetype: add
objectClass: inetOrgPerson
uid: dora
cn: Dora
sn: Example
userPassword: dora-secret
`)
      const { subject = '' } = (await check(provider, 'dora', 'dora-secret')) ?? {}
      const again = (): Promise<OutsideIdentity | undefined> | undefined => provider.refresh?.({ subject })
      expect(await again()).toMatchObject({ subject, claims: { name: 'Dora', groups: [] } })
      const change = (lines: string): void =>
        directory.change(`dn: uid=dora,ou=people,${baseDn}\nchangetype: ${lines}\n`)
      directory.change(`dn: cn=admins,ou=groups,${baseDn}
changetype: modify
add: member
member: uid=dora,ou=people,${baseDn}
`)
      expect((await again())?.claims.groups).toEqual(['admins'])
      change('modify\nadd: description\ndescription: locked')
      expect(await again()).toBeUndefined()
      change('modify\ndelete: description')
      change('modrdn\nnewrdn: uid=doreen\ndeleteoldrdn: 1')
      expect((await again())?.claims.preferred_username).toBe('doreen')
      directory.change(`dn: uid=doreen,ou=people,${baseDn}\nchangetype: delete\n`)
      expect(await again()).toBeUndefined()
    })

    it('about somebody whose name does not matter, but not about who no longer fits', async () => {
      const provider = open({ userFilter: '(&(objectClass=person)(mail=*)(uid={username}))' })
      const { subject = '' } = (await check(provider, 'alice', 'alice-secret')) ?? {}
      expect(await provider.refresh?.({ subject })).toBeDefined()
      expect(await open({ userFilter: '(&(sn=Nobody)(uid={username}))' }).refresh?.({ subject })).toBeUndefined()
      expect(await provider.refresh?.({ subject: '*' })).toBeUndefined()
    })
  })

  it('knows people of Active Directory by their GUID, and leaves out who is disabled', async () => {
    const activeDirectory: Partial<LdapSettings> = {
      userFilter: '(&(objectClass=person)(|(sAMAccountName={username})(userPrincipalName={username})))',
      activeFilter: '(!(userAccountControl:1.2.840.113556.1.4.803:=2))',
      ...{ subjectAttribute: 'objectGUID', usernameAttribute: 'sAMAccountName', groups: undefined },
    }
    const provider = open(activeDirectory)
    const found = await check(provider, 'AD', 'ad-secret')
    expect(found).toMatchObject({ subject: '000102030405060708090a0b0c0d0eff', claims: { preferred_username: 'ad' } })
    const again = () => provider.refresh?.({ subject: found?.subject ?? '' })
    expect((await again())?.subject).toBe(found?.subject)
    const control = (value: number): string =>
      `dn: cn=ad,ou=people,${baseDn}\nchangetype: modify\nreplace: userAccountControl\nuserAccountControl: ${value}\n`
    directory.change(control(514))
    expect([await again(), await check(provider, 'ad', 'ad-secret')]).toEqual([undefined, undefined])
    directory.change(control(512))
    expect(await provider.refresh?.({ subject: 'not hexadecimal' })).toBeUndefined()
  })

  describe('the way there', () => {
    it.each(['tls', 'starttls'] as const)('is refused where the certificate is a stranger’s (%s)', async (security) => {
      for (const authorities of [directory.otherAuthority, undefined]) {
        const provider = open({ servers: [server(security)], authorities })
        const failure = await failureOf(check(provider, 'alice', 'alice-secret'))
        expect(failure).toMatchObject({ reason: 'misconfigured', detail: expect.stringContaining('not trusted') })
      }
    })

    it('is refused where the certificate is not for this host', async () => {
      const provider = open({ servers: [server('tls', '127.0.0.2')] })
      await expect(failureOf(check(provider, 'alice', 'alice-secret'))).resolves.toBeInstanceOf(ProviderFailure)
    })

    it('leads to the next server where one is away, and back to it once it has rested', async () => {
      let tries = 0
      const failing = createServer((socket) => {
        tries += 1
        socket.destroy()
      })
      await new Promise<void>((resolve) => failing.listen(0, '127.0.0.1', resolve))
      const { port } = failing.address() as AddressInfo // it listens at a port
      const provider = open({ servers: [{ host: '127.0.0.1', port, security: 'tls' }, server('none')] })
      const signIn = (count: number): Promise<unknown> =>
        Promise.all(Array.from({ length: count }, () => check(provider, 'alice', 'alice-secret')))
      expect(await check(provider, 'alice', 'alice-secret')).toBeDefined()
      expect(tries).toBe(1)
      clock.advance(29)
      await signIn(2)
      expect(tries).toBe(1)
      clock.advance(2)
      await signIn(4)
      expect(tries).toBeGreaterThan(1)
      failing.close()
    })

    it('is unavailable where every server is away, within five seconds', async () => {
      const away: LdapServer = { host: '127.0.0.1', port: await findFreePort(), security: 'none' }
      const alone = open({ servers: [away] })
      const started = performance.now()
      expect(await failureOf(check(alone, 'alice', 'alice-secret'))).toMatchObject({ reason: 'unavailable' })
      expect(performance.now() - started).toBeLessThan(5000)
    })

    it('is found again after the server was away, on connections that had died', async () => {
      const provider = open()
      expect(await check(provider, 'alice', 'alice-secret')).toBeDefined()
      await directory.stop()
      expect(await failureOf(check(provider, 'alice', 'alice-secret'))).toMatchObject({ reason: 'unavailable' })
      await directory.start()
      expect(await check(provider, 'alice', 'alice-secret')).toBeDefined()
    })

    it('takes no longer than five seconds where the server says nothing', async () => {
      const provider = open()
      expect(await check(provider, 'alice', 'alice-secret')).toBeDefined()
      directory.process.kill('SIGSTOP')
      try {
        // A signal is sent, and not yet taken.
        await vi.waitFor(() => expect(stateOf(directory.process)).toBe('T'))
        const started = performance.now()
        const failure = await failureOf(check(provider, 'alice', 'alice-secret'))
        expect([failure.reason, performance.now() - started < 5000]).toEqual(['unavailable', true])
      } finally {
        directory.process.kill('SIGCONT')
      }
      expect(await check(provider, 'alice', 'alice-secret')).toBeDefined()
    })

    it('bears many at a time on few connections', async () => {
      const provider = open({ poolSize: 2, servers: [server('tls')] })
      const all = await Promise.all(
        Array.from({ length: 60 }, (_, index) => check(provider, 'alice', index % 3 === 0 ? 'wrong' : 'alice-secret')),
      )
      expect(all.filter((found) => found !== undefined)).toHaveLength(40)
    })
  })

  describe('says when it is looked at', () => {
    it('what it is and what can be found', async () => {
      const findings = await findingsOf(open({ servers: [server('starttls')] }))
      expect(findings.map(({ what, state }) => `${what}: ${state}`)).toEqual([
        `server ldap://127.0.0.1:${directory.port}: ok`,
        ...['certificate: ok', 'search user: ok', 'program: ok', 'base_dn: ok', 'people: ok', 'groups.base_dn: ok'],
      ])
      const says = Object.fromEntries(findings.map(({ what, says }) => [what, says]))
      expect(says).toMatchObject({ certificate: 'trusted, for 59 more days; TLSv1.3', program: 'OpenLDAP' })
    })

    it.each([
      ['a wrong authority', () => ({ authorities: directory.otherAuthority }), 'not trusted'],
      ['a wrong password', () => ({ searchUser: { ...searchUser, password: 'x' } }), 'bind_password'],
      ['a wrong base', () => ({ baseDn: `ou=nowhere,${baseDn}` }), 'code 32'],
      ['a subject that nobody has', () => ({ subjectAttribute: 'employeeNumber' }), 'subject_attribute'],
      ['a filter that nobody fits', () => ({ userFilter: '(&(sn=Nobody)(uid={username}))' }), 'user_filter'],
    ])('%s', async (_, changes, says) => {
      const findings = await findingsOf(open({ servers: [server('tls')], ...changes() }))
      expect(findings.find(({ state }) => state !== 'ok')).toMatchObject({ says: expect.stringContaining(says) })
    })
  })
})
