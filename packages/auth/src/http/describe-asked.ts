import type { IncomingHttpHeaders } from 'node:http'
import { decodeFormPart } from './form-part.ts'

/** A request, as far as a refusal of it is explained. */
export interface AskedOf {
  readonly requestId: string
  readonly method: string
  /** Without its query. */
  readonly path: string
  readonly query: string
  readonly headers: IncomingHttpHeaders
  readonly address: string
  /** As it was read, or anything else where it was not. */
  readonly body: unknown
}

/** Parameters that say what is asked for. None of them proves anybody, nor is typed by a person. */
const telling = [
  'grant_type',
  'response_type',
  'response_mode',
  'scope',
  'audience',
  'resource',
  'redirect_uri',
  'code_challenge_method',
  'prompt',
  'acr_values',
  'max_age',
  'subject_token_type',
  'requested_token_type',
  'method',
]

/** How many characters of one value are told. */
const longest = 200

/** What a request asks for, by the parameters that may be told: `grant_type=authorization_code scope=orders:read`. */
export function describeAsked({ body, query }: AskedOf): string {
  const find = finderOf(body, query)
  return telling
    .flatMap((name) => {
      const value = find(name)
      return value === undefined ? [] : [`${name}=${value.slice(0, longest)}`]
    })
    .join(' ')
}

/** The client that a request says to be from, by its parameters or its Authorization header: never what proves it. */
export function findClaimedClient(request: AskedOf): string {
  const named = finderOf(request.body, request.query)('client_id')
  if (named !== undefined) return tellClientId(named)
  const [, basic] = /^basic +([\w+/=-]+)$/i.exec(request.headers.authorization ?? '') ?? []
  if (basic === undefined) return ''
  const pair = Buffer.from(basic, 'base64').toString()
  const colon = pair.indexOf(':')
  return colon === -1 ? '' : tellClientId(decodeFormPart(pair.slice(0, colon)) ?? '')
}

/** A client's id from outside, to be told to those who run the place: not where it is a secret in the wrong place. */
export const tellClientId = (id: string): string =>
  /^[\w-]{43}$/.test(id) ? '(what looks like a secret)' : id.slice(0, longest)

function finderOf(body: unknown, query: string): (name: string) => string | undefined {
  const fields = typeof body === 'object' && body !== null ? new Map(Object.entries(body)) : undefined
  const parameters = query === '' ? undefined : new URLSearchParams(query)
  return (name) => {
    const value = fields?.get(name) ?? parameters?.get(name)
    return typeof value === 'string' ? value : undefined
  }
}
