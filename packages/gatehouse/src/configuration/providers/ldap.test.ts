import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildCertificate } from '@gatehouse/auth/testing/certificates'
import { Compile } from 'typebox/schema'
import { afterAll, describe, expect, it } from 'vitest'
import { formatKey } from '../problem.ts'
import { ldapSchema, resolveLdap } from './ldap.ts'

type Section = Parameters<typeof resolveLdap>[0]

const least: Section = { kind: 'ldap', url: 'ldaps://directory.example.com', base_dn: 'dc=example,dc=com' }
const validator = Compile(ldapSchema)

function resolve(changes: object, { development = false } = {}) {
  const section = { ...least, ...changes } as Section // what does not fit the schema fails the line below
  expect(validator.Check(section)).toBe(true)
  const problems: string[] = []
  const report = (path: readonly (string | number)[], message: string): void => {
    problems.push(`${formatKey(path)}: ${message}`)
  }
  return { settings: resolveLdap(section, { name: 'corp', development, report }), problems }
}

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-ldap-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('a provider of kind ldap', () => {
  it('needs an address and where people are, and suits OpenLDAP', () => {
    expect(resolve({})).toEqual({
      problems: [],
      settings: {
        servers: [{ host: 'directory.example.com', port: 636, security: 'tls' }],
        ...{ authorities: undefined, searchUser: undefined, baseDn: 'dc=example,dc=com' },
        userFilter: '(&(objectClass=person)(|(uid={username})(mail={username})))',
        ...{ activeFilter: undefined, subjectAttribute: 'entryUUID', usernameAttribute: 'uid' },
        ...{ attributes: [], groups: undefined, poolSize: 8 },
      },
    })
  })

  it('suits Active Directory where it is said to be one, but for what is said besides', () => {
    const { settings, problems } = resolve({ directory: 'active-directory', username_attribute: 'mail' })
    expect(problems).toEqual([])
    expect(settings).toMatchObject({
      userFilter: expect.stringContaining('(sAMAccountName={username})(userPrincipalName={username})'),
      activeFilter: '(!(userAccountControl:1.2.840.113556.1.4.803:=2))',
      ...{ subjectAttribute: 'objectGUID', usernameAttribute: 'mail' },
      groups: {
        ...{ baseDn: 'dc=example,dc=com', nameAttribute: 'cn' },
        filter: '(member:1.2.840.113556.1.4.1941:={dn})',
      },
    })
  })

  it('takes several servers, and groups and a search user in words of its own', () => {
    const { settings, problems } = resolve({
      url: ['ldap://one.example.com', 'ldaps://[2001:db8::1]:1636/'],
      ...{ start_tls: true, bind_dn: 'cn=x,dc=example,dc=com', bind_password: 'p' },
      groups: { base_dn: 'ou=groups,dc=example,dc=com', filter: '(memberUid={username})', name_attribute: 'ou' },
    })
    expect(problems).toEqual([])
    expect(settings).toMatchObject({
      servers: [
        { host: 'one.example.com', port: 389, security: 'starttls' },
        { host: '2001:db8::1', port: 1636, security: 'tls' },
      ],
      searchUser: { dn: 'cn=x,dc=example,dc=com', password: 'p' },
      groups: { baseDn: 'ou=groups,dc=example,dc=com', filter: '(memberUid={username})', nameAttribute: 'ou' },
    })
  })

  it('sends passwords in clear only where that is said, or to this very machine in development', () => {
    const plain = { url: 'ldap://directory.example.com' }
    const here = { url: 'ldap://127.0.0.1' }
    expect(resolve(plain).problems).toEqual([expect.stringContaining('url: passwords would go there in clear')])
    expect(resolve(plain, { development: true }).problems).toHaveLength(1)
    expect(resolve(here).problems).toHaveLength(1)
    expect(resolve(here, { development: true }).problems).toEqual([])
    const { settings, problems } = resolve({ ...plain, insecure: { plain_text: true } })
    expect([settings.servers[0].security, problems]).toEqual(['none', []])
  })

  it('reads its authorities', () => {
    const file = join(folder, 'ca.pem')
    const { cert } = buildCertificate({ subject: [['CN', 'Test']] })
    writeFileSync(file, cert)
    expect(resolve({ ca_file: file })).toMatchObject({ settings: { authorities: cert }, problems: [] })
    writeFileSync(file, 'no certificate')
    expect(resolve({ ca_file: file }).problems).toEqual([expect.stringMatching(/^ca_file: .*no certificate in PEM$/)])
    expect(resolve({ ca_file: join(folder, 'absent') }).problems).toHaveLength(1)
  })

  it.each([
    [{ url: 'https://directory.example.com' }, 'url: expected ldaps://host'],
    [{ url: ['ldaps://ok.example.com', 'ldaps://x/dc=example'] }, 'url[1]: expected ldaps://host'],
    [{ url: 'ldaps://me:secret@x' }, 'url: expected ldaps://host'],
    [{ user_filter: '(uid=alice)' }, 'user_filter: has to have {username}'],
    [{ user_filter: '(uid={user})' }, 'user_filter: does not know {user}; what there is: {username}'],
    [{ user_filter: '(&(uid={username})' }, 'user_filter: is no filter'],
    [{ user_filter: 'uid={username}' }, 'user_filter: is no filter'],
    [{ user_filter: '(uid={username}))' }, 'user_filter: is no filter'],
    [{ user_filter: '(uid={username}\\zz)' }, 'user_filter: is no filter'],
    [{ active_filter: '(uid={username})' }, 'active_filter: does not know {username}'],
    [{ groups: { filter: '(cn=x)' } }, 'groups.filter: has to have {dn} or {username}'],
    [{ bind_dn: 'cn=x' }, 'bind_dn: bind_dn and bind_password go together'],
    [{ bind_password: 'x' }, 'bind_dn: bind_dn and bind_password go together'],
    [{ bind_dn: 'EXTERNAL', bind_password: 'x' }, 'bind_dn: expected a DN'],
    [{ base_dn: 'example.com' }, 'base_dn: expected a DN'],
    [{ attributes: ['tel', '__proto__'] }, 'attributes[1]: expected the name of an attribute'],
    [{ attributes: ['groups'] }, 'attributes[0]: groups is a claim already'],
    [{ subject_attribute: 'a b' }, 'subject_attribute: expected the name of an attribute'],
  ])('reports %j', (changes, problem) => {
    expect(resolve(changes).problems).toEqual([expect.stringContaining(problem)])
  })
})
