import type { GatehouseError } from '@gatehouse/core/errors'
import type { ResponseMode } from '../domain/client-metadata.ts'
import type { Client } from '../domain/clients.ts'
import type { Answer } from '../http/endpoint.ts'
import { renderFormPost } from '../pages/form-post.ts'
import type { Look } from '../pages/look.ts'
import { redirectTo } from '../pages/page.ts'
import { buildSignedResponse, type JarmDependencies } from './jarm.ts'

/** Where the answer to an authorization request goes: known before anything else of it is believed. */
export interface ResponseTarget {
  readonly client: Client
  /** A registered one. */
  readonly redirectUri: string
  readonly mode: ResponseMode
  /** Given back byte for byte. */
  readonly state: string | undefined
}

/** What is answered: a code and what goes with it, or an error. */
export type ResponseParameters = Readonly<Record<string, string | undefined>>

/**
 * Answers an authorization request, in its response mode, always with the issuer.
 * Spec: RFC 6749 sections 4.1.2 and 4.1.2.1, RFC 9207 section 2, OAuth 2.0 Multiple Response Types, Form Post Response Mode,
 * JARM section 2.3.
 */
export async function answerAuthorization(
  dependencies: JarmDependencies,
  { client, redirectUri, mode, state }: ResponseTarget,
  parameters: ResponseParameters,
  { look, cookies = [] }: { readonly look: Look; readonly cookies?: readonly string[] | undefined },
): Promise<Answer> {
  const all = presentOnly({ ...parameters, state, iss: dependencies.issuer })
  const isSigned = mode === 'jwt' || mode.endsWith('.jwt')
  const fields = isSigned ? { response: await buildSignedResponse(dependencies, client, all) } : all
  switch (mode) {
    case 'form_post':
    case 'form_post.jwt':
      return renderFormPost(look, { redirectUri, fields: Object.entries(fields), cookies })
    case 'fragment':
    case 'fragment.jwt':
      return redirectTo(`${redirectUri}#${encode(fields)}`, cookies)
    default:
      return redirectTo(`${redirectUri}${separatorOf(redirectUri)}${encode(fields)}`, cookies)
  }
}

/**
 * Tells a client that its request is refused, with the id under which the log knows the rest: a parameter of our own, which
 * clients ignore that do not know it. Spec: RFC 6749 sections 4.1.2 and 4.1.2.1.
 */
export async function refuseAuthorization(
  dependencies: JarmDependencies,
  target: ResponseTarget,
  error: GatehouseError,
  request: { readonly look: Look; readonly requestId: string; readonly cookies?: readonly string[] | undefined },
): Promise<Answer> {
  const parameters = { error: error.code, error_description: error.message, request_id: request.requestId }
  return { ...(await answerAuthorization(dependencies, target, parameters, request)), refusal: error }
}

const presentOnly = (parameters: ResponseParameters): Record<string, string> =>
  Object.fromEntries(Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined))

const encode = (fields: Readonly<Record<string, string>>): string =>
  Object.entries(fields)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&')

/** A registered URI keeps its query as it is. */
const separatorOf = (uri: string): string =>
  !uri.includes('?') ? '?' : uri.endsWith('?') || uri.endsWith('&') ? '' : '&'
