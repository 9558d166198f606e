import { describe, expect, it } from 'vitest'
import { en } from './en/index.ts'
import { catalogues, findLocale, findMessage, locales, splitMessage } from './messages.ts'

const placeholdersOf = (text: string | undefined): readonly string[] =>
  splitMessage(text ?? '')
    .filter((_, index) => index % 2 === 1)
    .sort()

describe.each(locales)('the catalogue %s', (locale) => {
  it('has every text, with the placeholders of the English one', () => {
    const faults = Object.entries(en).filter(([key, english]) => {
      const text = catalogues[locale][key as keyof typeof en] // the keys of that very object
      return !text || placeholdersOf(text).join() !== placeholdersOf(english).join()
    })
    expect(faults.map(([key]) => key)).toEqual([])
    expect(Object.keys(catalogues[locale]).length).toBe(Object.keys(en).length)
  })
})

describe('a text', () => {
  it('is an installation’s own where it has one, and English where its language has none', () => {
    expect(findMessage('de', 'sign_in.title', { de: { 'sign_in.title': 'Herein' } })).toBe('Herein')
    expect(findMessage('de', 'sign_in.title', { en: { 'sign_in.title': 'Come in' } })).toBe('Anmelden')
    expect(findMessage('fr', 'sign_in.title')).toBe('Se connecter')
  })
})

describe('the language', () => {
  it.each([
    ['de', 'de'],
    ['de-AT', 'de'],
    ['xx fr de', 'fr'],
    ['pt-BR,pt;q=0.9,es;q=0.8,en;q=0.7', 'es'],
    ['en;q=0.2, fr;q=0.9', 'fr'],
    ['de;q=0, en', 'en'],
    ['DE', 'de'],
    ['*', undefined],
    ['', undefined],
    ['xx', undefined],
    [`${'x,'.repeat(50_000)}de`, undefined],
  ])('of %s', (list, locale) => {
    expect(findLocale(list.slice(0, 200_000))).toBe(locale)
  })
})
