import { describe, expect, it } from 'vitest'
import { providerOf } from '../testing/outside-providers.ts'
import { domainOf, findRealm, type RealmHints } from './realms.ts'

const providers = [
  providerOf({ name: 'first' }),
  providerOf({ name: 'corp', domains: ['corp.example', 'xn--bcher-kva.example'] }),
  providerOf({ name: 'acme', organisations: ['acme'] }),
]
const find = (hints: RealmHints): string | undefined => findRealm(providers, hints)?.name

describe('where somebody signs in', () => {
  it('is what the app names, else their organisation’s, else their domain’s', () => {
    const all = { provider: 'first', organisation: 'acme', name: 'ann@corp.example' }
    expect(find(all)).toBe('first')
    expect(find({ ...all, provider: 'nobody' })).toBe('acme')
    expect(find({ ...all, provider: undefined, organisation: 'other' })).toBe('corp')
    expect(find({ name: 'ann' })).toBeUndefined()
    expect(find({})).toBeUndefined()
  })

  it('is found by the whole domain, however it is written', () => {
    expect(find({ name: 'Ann@CORP.example' })).toBe('corp')
    expect(find({ name: 'ann@bücher.example' })).toBe('corp')
    expect(find({ name: 'ann@sub.corp.example' })).toBeUndefined()
    expect(find({ name: 'ann@notcorp.example' })).toBeUndefined()
    expect(find({ name: 'ann@corp.example.evil' })).toBeUndefined()
  })

  it.each([
    'a@evil@corp.example',
    '"a@evil"@corp.example',
    'a@corp.example@evil.example',
    'a @corp.example',
    'a@corp.example\0.evil.example',
    '@corp.example',
    'corp.example',
    'a@corp.example,b@evil.example',
    '<a@corp.example>',
  ])('is nowhere for what is no address: %j', (name) => {
    expect([domainOf(name), find({ name })]).toEqual([undefined, undefined])
  })
})
