import type { IncomingHttpHeaders } from 'node:http'
import type { Cookies } from '../http/cookies.ts'
import type { MessageKey } from '../messages/catalogue.ts'
import { findLocale, findMessage, type Locale, locales, splitMessage, tellScope } from '../messages/messages.ts'
import type { Brand } from './brand.ts'
import { Html, html, type Piece } from './html.ts'

/** How pages look and speak for one request: in whose name, and in which language. */
export interface Look {
  readonly locale: Locale
  readonly brand: Brand
  readonly offers: Offers
  /** The address of the page, from its path on, where it can be asked for again as it is: by GET. */
  readonly here: string | undefined
  /** A text with its placeholders filled in. It is not markup: what renders it escapes it. */
  text(key: MessageKey, values?: Readonly<Record<string, string | number>>): string
  /** A text as markup, with markup in the place of placeholders; whatever is not itself markup is escaped. */
  html(key: MessageKey, pieces?: Readonly<Record<string, Piece>>): Html
  /** What a scope means to people. */
  scope(scope: string): string
  /** A day (seconds since 1970, UTC), as people of this language write it. */
  date(moment: number): Html
  /** A day and the time of day, in UTC. */
  moment(moment: number): Html
}

/** Which of the pages there are that an installation need not have. */
export interface Offers {
  readonly organisations: boolean
  /** Accounts elsewhere. */
  readonly linked: boolean
  /** What clients ask by CIBA. */
  readonly requests: boolean
}

/** None of them. */
export const noOffers: Offers = { organisations: false, linked: false, requests: false }

/** What of a request says how its page looks. */
export interface LookRequest {
  readonly headers: IncomingHttpHeaders
  readonly method?: string | undefined
  readonly url?: string | undefined
}

/** Finds out how pages look. */
export interface Looks {
  of(request: LookRequest): Look
  /** What to set so that this browser is spoken to in the first language of a list that there is; empty where there is none. */
  remember(languages: string | undefined): readonly string[]
}

interface Dependencies {
  readonly cookies: Pick<Cookies, 'findLocale' | 'setLocale'>
  readonly brand: () => Brand
  readonly offers: () => Offers
}

/**
 * The language is the one that was chosen in this browser (by an app's `ui_locales`, or at the foot of a page), else the
 * first of Accept-Language that there is, else English. Spec: OpenID Connect Core section 3.1.2.1.
 */
export function createLooks({ cookies, brand, offers }: Dependencies): Looks {
  return {
    of({ headers, method, url }) {
      const chosen = locales.find((locale) => locale === cookies.findLocale(headers))
      const locale = chosen ?? findLocale(headers['accept-language']) ?? locales[0]
      const here = method === 'GET' && url !== undefined ? ownAddress(url) : undefined
      return buildLook(locale, brand(), { here, offers: offers() })
    },
    remember(languages) {
      const locale = findLocale(languages)
      return locale === undefined ? [] : [cookies.setLocale(locale)]
    },
  }
}

/**
 * The address of a page with those parameters that pages of ours have: words and ids. Others are a stranger's, and are not
 * repeated.
 */
function ownAddress(url: string): string {
  const [path = '', query = ''] = url.split('?', 2)
  const own = query.split('&').filter((parameter) => /^[a-z_]{1,30}=[\w-]{1,200}$/.test(parameter))
  return own.length === 0 ? path : `${path}?${own.join('&')}`
}

/** A look in a language. */
export function buildLook(
  locale: Locale,
  brand: Brand,
  { here, offers = noOffers }: Partial<Pick<Look, 'here' | 'offers'>> = {},
): Look {
  return {
    locale,
    brand,
    here,
    offers,
    text: (key, values = {}) =>
      splitMessage(findMessage(locale, key, brand.messages))
        .map((part, index) => (index % 2 === 0 ? part : String(values[part] ?? '')))
        .join(''),
    html: (key, pieces = {}) =>
      new Html(
        splitMessage(findMessage(locale, key, brand.messages))
          .map((part, index) => html`${index % 2 === 0 ? part : pieces[part]}`.text)
          .join(''),
      ),
    scope: (scope) => tellScope(locale, scope, brand.messages),
    date: (moment) => timeElement(moment, formatter(locale, 'date')),
    moment: (moment) => timeElement(moment, formatter(locale, 'moment')),
  }
}

const formatters = new Map<string, Intl.DateTimeFormat>()

/** Formatters take long to build, and are kept: two for each language. */
function formatter(locale: Locale, kind: 'date' | 'moment'): Intl.DateTimeFormat {
  const name = `${locale}:${kind}`
  const known = formatters.get(name)
  if (known) return known
  const timeStyle = kind === 'moment' ? ({ timeStyle: 'short' } as const) : {}
  // British English: the day before the month, as in the other languages.
  const tag = locale === 'en' ? 'en-GB' : locale
  const built = new Intl.DateTimeFormat(tag, { dateStyle: 'medium', ...timeStyle, timeZone: 'UTC' })
  formatters.set(name, built)
  return built
}

function timeElement(moment: number, format: Intl.DateTimeFormat): Html {
  const date = new Date(moment * 1000)
  return html`<time datetime="${date.toISOString()}">${format.format(date)}</time>`
}
