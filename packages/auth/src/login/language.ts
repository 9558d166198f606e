import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import * as Type from 'typebox'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { checkSameOrigin } from '../http/same-origin.ts'
import { locales } from '../messages/messages.ts'
import { renderErrorPage } from '../pages/error-page.ts'
import type { Looks } from '../pages/look.ts'
import { redirectTo } from '../pages/page.ts'

interface Dependencies {
  readonly issuer: string
  readonly looks: Pick<Looks, 'remember'>
}

const formSchema = Type.Object({
  locale: Type.Union(locales.map((locale) => Type.Literal(locale))),
  back: Type.String({ maxLength: 8192, description: 'The page to show again, from its path on' }),
})

/** The choice of a language at the foot of every page. */
export const languageEndpoint = (dependencies: Dependencies): Endpoint =>
  defineEndpoint({
    method: 'POST',
    path: paths.language,
    summary: 'Remembers the language of this browser, and leads back to the page',
    bodyKind: 'form',
    body: formSchema,
    answers: { 303: null },
    errors: ['invalid_request', 'forbidden'],
    refuseQuery: true,
    errorPage: renderErrorPage,
    handle: (request) => choose(dependencies, request),
  })

function choose(
  { issuer, looks }: Dependencies,
  { headers, body }: EndpointRequest<Type.Static<typeof formSchema>>,
): Answer {
  checkSameOrigin(headers, issuer)
  return redirectTo(parseOwnPath(body.back, issuer), looks.remember(body.locale))
}

/**
 * A path of our own with its query, as a browser would understand it. Error: `invalid_request` for one that leads elsewhere.
 * Threat: open redirects by `//evil`, `/\evil`, `/%09/evil` and the like (RFC 9700 section 4.11).
 */
export function parseOwnPath(text: string, issuer: string): string {
  const url = text.startsWith('/') && URL.canParse(text, issuer) ? new URL(text, issuer) : undefined
  if (url?.origin !== issuer || /^\/[/\\]/.test(url.pathname)) {
    throw new GatehouseError('invalid_request', { description: 'This leads away from here' })
  }
  return url.pathname + url.search
}
