import { hopByHop } from '../rewrite/header-names.ts'
import {
  buildCors,
  type CorsDefinition,
  type CorsPolicy,
  checkCors,
  corsHeaderNames,
  isHeaderName,
} from './cors-policy.ts'

/** What becomes of the headers of a service's answers, as the configuration names it. */
export interface ResponseHeadersDefinition {
  readonly set?: Readonly<Record<string, string>> | undefined
  readonly remove?: readonly string[] | undefined
}

/** What Gatehouse makes of answers, as the configuration names it. */
export interface AnswersDefinition {
  readonly cors?: CorsDefinition | undefined
  readonly responseHeaders?: ResponseHeadersDefinition | undefined
}

/** The same for a route, ready. Lists of headers are name, value, name, value. */
export interface AnswerRules {
  /** Which headers of the service are left out, in small letters. */
  readonly dropped: ReadonlySet<string>
  /** What its answers get. */
  readonly set: readonly string[]
  /** What our own refusals get of that: they say some things themselves. */
  readonly setOnRefusal: readonly string[]
  /** Whether `set` says whether answers may be kept. */
  readonly setsCaching: boolean
  readonly cors: CorsPolicy | undefined
}

/**
 * Headers that keep a browser from the usual mistakes with a page. HSTS only where pages come by https. Referrers stay within
 * the origin; none at all would take the Origin from forms.
 */
export const securityHeaders = (https: boolean): Readonly<Record<string, string>> => ({
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'same-origin',
  ...(https ? { 'strict-transport-security': 'max-age=31536000' } : {}),
})

/** What frames an answer, or what Gatehouse alone decides. */
const fixed: ReadonlySet<string> = new Set([
  ...[...hopByHop, 'content-length', 'keep-alive', 'proxy-authenticate', 'proxy-connection', 'upgrade'],
  ...['ratelimit', 'ratelimit-policy', 'service-worker-allowed', ...corsHeaderNames],
])

/** Why a definition cannot be meant, as a sentence; `undefined` where it can. */
export function checkAnswers({ cors, responseHeaders = {} }: AnswersDefinition): string | undefined {
  const { set = {}, remove = [] } = responseHeaders
  const names = [...Object.keys(set), ...remove]
  const wrong = names.find((name) => !isHeaderName(name))
  if (wrong !== undefined) return `response_headers: "${wrong}" is no header name`
  const taken = names.find((name) => fixed.has(name.toLowerCase()))
  if (taken !== undefined) return `response_headers: ${taken} is not decided here`
  if (Object.keys(set).some((name) => name.toLowerCase() === 'set-cookie')) {
    return 'response_headers.set: one cookie for everybody is never meant'
  }
  const bad = Object.entries(set).find(([, value]) => !/^[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?$/.test(value))
  if (bad !== undefined) return `response_headers.set: the value of ${bad[0]} is no plain text`
  return cors && checkCors(cors)
}

const saidByRefusals: ReadonlySet<string> = new Set(['content-type', 'cache-control', 'x-content-type-options'])

/** What a route's answers get; `undefined` where that is nothing, so that such a route pays nothing. */
export function buildAnswers({ cors, responseHeaders = {} }: AnswersDefinition, hasRates: boolean) {
  const { set = {}, remove = [] } = responseHeaders
  const entries = Object.entries(set).map(([name, value]) => [name.toLowerCase(), value] as const)
  const dropped = new Set([
    ...[...remove.map((name) => name.toLowerCase()), ...entries.map(([name]) => name)],
    ...(cors ? corsHeaderNames : []),
    ...(hasRates ? ['ratelimit', 'ratelimit-policy'] : []),
  ])
  if (dropped.size === 0) return undefined
  const rules: AnswerRules = {
    dropped,
    set: entries.flat(),
    setOnRefusal: entries.filter(([name]) => !saidByRefusals.has(name)).flat(),
    setsCaching: entries.some(([name]) => name === 'cache-control'),
    cors: cors && buildCors(cors),
  }
  return rules
}
