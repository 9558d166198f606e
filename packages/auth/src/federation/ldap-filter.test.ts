import { BerReader, BerWriter, type Filter, FilterParser } from 'ldapts'
import { describe, expect, it } from 'vitest'
import { parseFilterTemplate } from './ldap-filter.ts'
import { findFilterFault } from './ldap-settings.ts'

/** What a directory reads out of the bytes that it is sent. */
function received(filter: Filter): string {
  const writer = new BerWriter()
  filter.write(writer)
  return FilterParser.parse(new BerReader(writer.buffer)).toString()
}

describe('a filter with places', () => {
  const { fill, forAnybody } = parseFilterTemplate('(&(objectClass=person)(|(uid={username})(!(mail=x{username}*))))')

  // Spec: RFC 4515 section 3; the escapes are those of the text that is shown here, nothing of it is sent.
  it.each([
    ['alice', 'alice'],
    ['*', '\\2a'],
    ['x)(uid=*', 'x\\29\\28uid=\\2a'],
    ['alice\0', 'alice\\00'],
    ['\\2a', '\\5c2a'],
    ['{username}', '{username}'],
    ['zoë', 'zoë'],
    ['$&', '$&'],
  ])('has %j as one value, and as nothing else', (username, shown) => {
    expect(received(fill({ username }))).toBe(`(&(objectclass=person)(|(uid=${shown})(!(mail=x${shown}*))))`)
  })

  it('asks only whether there is something where it is for anybody', () => {
    expect(forAnybody().toString()).toBe('(&(objectClass=person)(|(uid=*)(!(mail=*))))')
  })

  it('fills matching rules, and reads escapes as bytes of UTF-8', () => {
    const nested = parseFilterTemplate('(member:1.2.840.113556.1.4.1941:={dn})')
    const dn = 'cn=a\\, (b)*,dc=x'
    expect(received(nested.fill({ dn }))).toBe('(member:1.2.840.113556.1.4.1941:=cn=a\\5c, \\28b\\29\\2a,dc=x)')
    expect(received(parseFilterTemplate('(cn=zo\\c3\\ab\\2a)').fill({}))).toBe('(cn=zoë\\2a)')
  })
})

describe('a filter in a configuration', () => {
  it.each([
    '(uid=x)',
    '(&(objectClass=person)(|(uid=x)(mail=a*b*c)))',
    '(!(userAccountControl:1.2.840.113556.1.4.803:=2))',
    '(&(a=b)(!(c=*)))',
    '(cn=zo\\c3\\ab (x\\29)',
    '(a>=1)',
  ])('may be %s, where the library takes it too', (filter) => {
    const fault = findFilterFault(filter, [])
    const parse = (): unknown => parseFilterTemplate(filter)
    if (fault === undefined) expect(parse).not.toThrow()
    else expect(parse).toThrow()
  })

  it.each([
    '',
    'uid=x',
    '(uid=x',
    '(uid=x))',
    '(&)',
    '(!(a=b)(c=d))',
    '((a=b))',
    '(a=\\zz)',
    '(=x)',
    '(a b=c)',
    '(a=(b))',
  ])('may not be %j', (filter) => expect(findFilterFault(filter, [])).toMatch(/is no filter/))

  it('is told from others in a moment, whatever its size', () => {
    const started = performance.now()
    expect(findFilterFault(`${'(&'.repeat(1900)}`, [])).toBeDefined()
    expect(findFilterFault(`${'(!'.repeat(600)}(a=b)${')'.repeat(600)}`, [])).toBeUndefined()
    expect(performance.now() - started).toBeLessThan(500)
  })
})
