import { describe, expect, it } from 'vitest'
import { compileMapping, MappingError, type MappingTexts } from './mapping.ts'

const map = (texts: MappingTexts, claims: Parameters<ReturnType<typeof compileMapping>>[0]) =>
  compileMapping(texts)(claims)

describe('a mapping', () => {
  it('reads the usual claims of OpenID providers and of directories', () => {
    const openId = { preferred_username: 'ann', name: 'Ann', email: 'ann@corp.example', email_verified: true }
    expect(map({}, { ...openId, locale: 'de-AT' })).toEqual({
      ...{ username: 'ann', name: 'Ann', email: 'ann@corp.example', emailVerified: true, locale: 'de' },
      ...{ roles: undefined, organisation: undefined, organisationRoles: [], failed: [] },
    })
    const directory = { uid: 'ann', cn: 'Ann', mail: 'ann@corp.example' }
    expect(map({}, directory)).toMatchObject({ username: 'ann', name: 'Ann', email: 'ann@corp.example', failed: [] })
    expect(map({}, directory).emailVerified).toBe(false)
    expect(map({}, {})).toMatchObject({ username: undefined, name: undefined, email: undefined, failed: [] })
  })

  it('calls an address verified for true alone', () => {
    for (const [says, means] of [
      [true, true],
      ['true', true],
      [false, false],
      ['false', false],
      ['yes', false],
      [1, false],
      [['true'], false],
    ] as const) {
      const claims = { email_verified: typeof says === 'object' ? [...says] : says }
      expect([says, map({}, claims).emailVerified]).toEqual([says, means])
    }
  })

  it('computes, and takes what is written down for itself', () => {
    const texts = { name: 'claims.given + " " + claims.family', email_verified: 'true', username: 'claims.sub' }
    const person = map(texts, { given: 'Ann', family: 'Lee', sub: 'x1', preferred_username: 'not this' })
    expect(person).toMatchObject({ name: 'Ann Lee', emailVerified: true, username: 'x1' })
  })

  it('gives nothing for an expression that comes to nothing, and says which', () => {
    const texts = { name: 'claims.gone', roles: 'claims.groups', organisation: 'claims.tenant.id' }
    expect(map(texts, { name: 'Ann' })).toMatchObject({ name: undefined, roles: [], organisation: undefined })
    expect([...map(texts, {}).failed].sort()).toEqual(['name', 'organisation', 'roles'])
  })

  it.each([
    ['a number', { name: 7 }],
    ['an object', { name: { first: 'Ann' } }],
    ['empty', { name: '' }],
    ['too long', { name: 'x'.repeat(201) }],
    ['a text that writes backwards', { name: 'Ann\u202e' }],
    ['a line break', { name: 'Ann\nLee' }],
  ])('shows nobody a name that is %s', (_, claims) => {
    expect(map({}, claims)).toMatchObject({ name: undefined, failed: ['name'] })
  })

  it('takes no address that is none, and no name that can be nobody’s', () => {
    expect(map({}, { email: 'a@evil@corp.example' }).email).toBeUndefined()
    expect(map({ username: '"  "' }, {}).username).toBeUndefined()
  })

  it('reads roles from a list, from one name, or each from a condition', () => {
    expect(map({ roles: 'claims.groups' }, { groups: ['clerk', 'clerk', 'auditor'] }).roles).toEqual([
      'clerk',
      'auditor',
    ])
    expect(map({ roles: 'claims.group' }, { group: 'clerk' }).roles).toEqual(['clerk'])
    const texts = { roles: { clerk: '"staff" in claims.groups', boss: 'claims.level > 3' } }
    expect(map(texts, { groups: ['staff'], level: 2 })).toMatchObject({ roles: ['clerk'], failed: [] })
    expect(map({ organisation_roles: '["admin"]' }, {}).organisationRoles).toEqual(['admin'])
  })

  it('gives no role by a mistake', () => {
    const conditions = { roles: { boss: 'claims.level > 3', clerk: '"clerk"', odd: '1' } }
    expect(map(conditions, { level: 'high' })).toMatchObject({ roles: [], failed: ['roles'] })
    expect(map({ roles: 'claims.groups' }, { groups: ['clerk', 'two words', 7, ''] })).toMatchObject({
      roles: ['clerk'],
      failed: ['roles'],
    })
    const many = Array.from({ length: 101 }, (_, index) => `role${index}`)
    expect(map({ roles: 'claims.groups' }, { groups: many })).toMatchObject({ roles: [], failed: ['roles'] })
  })

  it.each([
    [{ name: 'claims.' }, ['name']],
    [{ name: 'nobody.name' }, ['name']],
    [{ roles: { clerk: 'claims.groups +' } }, ['roles', 'clerk']],
    [{ name: '1 + "a"' }, ['name']],
    [{ name: `${'('.repeat(40)}1${')'.repeat(40)}${' + 1'.repeat(600)}` }, ['name']],
  ])('cannot be compiled from %j', (texts, key) => {
    const compile = () => compileMapping(texts)
    expect(compile).toThrow(MappingError)
    expect(compile).toThrow(expect.objectContaining({ key }))
  })
})
