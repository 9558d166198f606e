import type { Catalogue, MessageKey } from './catalogue.ts'
import { de } from './de/index.ts'
import { en } from './en/index.ts'
import { es } from './es/index.ts'
import { fr } from './fr/index.ts'

/** Languages that pages and mails are written in, the first is what everything falls back to. */
export const locales = ['en', 'de', 'fr', 'es'] as const
export type Locale = (typeof locales)[number]

/** The texts that are shipped. */
export const catalogues: Readonly<Record<Locale, Catalogue>> = { en, de, fr, es }

/** What languages call themselves. */
export const localeNames: Readonly<Record<Locale, string>> = {
  en: 'English',
  de: 'Deutsch',
  fr: 'Français',
  es: 'Español',
}

/** An installation's own words, in the place of those that are shipped. */
export type OwnWords = Readonly<Partial<Record<Locale, Readonly<Record<string, string>>>>>

/** What the names of texts begin with that say what a scope means: an installation adds its own. */
export const scopeWords = 'consent.scope.'

/** Whether a text names a message: for configuration. */
export const isMessageKey = (text: string): text is MessageKey => Object.hasOwn(en, text)

/** The text of a key, in its language or else in English; its placeholders are still in it. */
export const findMessage = (locale: Locale, key: MessageKey, own: OwnWords = {}): string =>
  own[locale]?.[key] ?? catalogues[locale][key] ?? own.en?.[key] ?? en[key]

/** What a scope means to people; a scope of which nobody has said it is shown as it is. */
export function tellScope(locale: Locale, scope: string, own: OwnWords = {}): string {
  const key = `${scopeWords}${scope}`
  return isMessageKey(key) ? findMessage(locale, key, own) : (own[locale]?.[key] ?? own.en?.[key] ?? scope)
}

/** A message as its parts: text, and names of placeholders, in turn. */
export const splitMessage = (message: string): readonly string[] => message.split(/\{(\w+)\}/)

/**
 * The first language of a list that there is: `ui_locales` (space-separated) or Accept-Language. Regions do not matter:
 * `de-AT` is German. Spec: RFC 4647 section 3.4, RFC 9110 section 12.5.4. Cost: linear in at most 200 characters.
 */
export function findLocale(list: string | undefined): Locale | undefined {
  if (list === undefined) return undefined
  const ranges = list
    .slice(0, 200)
    .split(/[,\s]+/)
    .filter((range) => !range.startsWith(';'))
    .map((range) => {
      const [tag = '', quality = ''] = range.split(';', 2)
      return { language: tag.toLowerCase().split('-', 1)[0] ?? '', weight: weightOf(quality) }
    })
  const wanted = ranges
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight)
    .map(({ language }) => locales.find((locale) => locale === language))
  return wanted.find((locale) => locale !== undefined)
}

const weightOf = (text: string): number => {
  const weight = /^\s*q=(\d(?:\.\d{1,3})?)$/.exec(text)?.[1]
  return weight === undefined ? 1 : Number(weight)
}
