import { hash } from 'node:crypto'
import { GatehouseError } from '@gatehouse/core/errors'
import { findRedirectUri } from '@gatehouse/core/redirect-uri'
import type { Clock } from '@gatehouse/core/time'
import type { Store } from '@gatehouse/store/store'
import type { Client, Clients } from '../domain/clients.ts'
import type { ClientKeys } from '../domain/find-client-keys.ts'
import { explainFailure } from '../outbound/explain-failure.ts'
import type { Outbound } from '../outbound/outbound.ts'
import {
  type AuthorizationRequest,
  checkAuthorizationRequest,
  parseResponseMode,
  type RequestCheckDependencies,
  type RequestOrigin,
  type RequestParameters,
} from './authorization-request.ts'
import type { ResponseTarget } from './authorization-response.ts'
import { verifyRequestObject } from './request-object.ts'

/** How the name of a pushed request begins. Spec: RFC 9126 section 2.2. */
export const pushedRequestPrefix = 'urn:ietf:params:oauth:request_uri:'

/** Seconds that a pushed request waits for its user. Spec: RFC 9126 section 2.2, FAPI 2.0 section 5.3.2.2: under 600. */
export const pushedLifetime = 300

/** What the store knows a pushed request by. */
export const hashPushedRequest = (urn: string): string =>
  hash('sha256', urn.slice(pushedRequestPrefix.length), 'base64url')

/** What was pushed: parameters that have been checked once. */
export interface PushedParameters {
  readonly parameters: RequestParameters
  readonly isSigned: boolean
}

export interface ReadRequestDependencies extends RequestCheckDependencies {
  readonly issuer: string
  readonly store: Pick<Store, 'pushedRequests'>
  readonly clock: Clock
  readonly clients: Clients
  readonly clientKeys: ClientKeys
  readonly outbound: Outbound
}

/** A request that can be gone on with, or what is wrong with it and where to say so. */
export type ReadRequest =
  | { readonly target: ResponseTarget; readonly request: AuthorizationRequest }
  | { readonly target: ResponseTarget; readonly error: GatehouseError }

interface Gathered {
  readonly parameters: RequestParameters
  readonly origin: RequestOrigin
  readonly pushedHash?: string
  readonly pushedJkt?: string
}

/**
 * Reads an authorization request: who asks, by which parameters (its own, pushed or signed), where the answer goes, and
 * whether all of it may be asked. Throws what must be shown on a page, since nobody knows yet whom a redirect would reach:
 * an unknown client, a redirect_uri that is not registered, a request_uri that is not known.
 * Spec: RFC 6749 section 4.1.2.1, RFC 9101 section 6, RFC 9126 section 4.
 */
export async function readAuthorizationRequest(
  dependencies: ReadRequestDependencies,
  outer: RequestParameters,
): Promise<ReadRequest> {
  const client = await getClient(dependencies.clients, outer.client_id)
  const gathered = await gatherParameters(dependencies, client, outer).catch((error: unknown) => {
    const target = findTarget(client, outer)
    if (error instanceof GatehouseError && target && !error.code.startsWith('invalid_request_uri'))
      return { target, error }
    throw error
  })
  return 'error' in gathered ? gathered : checkGathered(dependencies, client, gathered)
}

/** Checks parameters whose client has proven itself: what is pushed. Throws every error. */
export async function checkPushedRequest(
  dependencies: ReadRequestDependencies,
  client: Client,
  outer: RequestParameters,
): Promise<PushedParameters> {
  if (outer.request_uri !== undefined) throw bad('The parameter request_uri cannot be pushed')
  const { parameters, origin } = await gatherParameters(dependencies, client, outer)
  const read = checkGathered(dependencies, client, { parameters, origin: { ...origin, isPushed: true } })
  if ('error' in read) throw read.error
  return { parameters, isSigned: origin.isSigned }
}

async function getClient(clients: Clients, id: string | undefined): Promise<Client> {
  if (id === undefined) throw bad('The parameter client_id is missing')
  const client = await clients.find(id)
  if (!client) throw bad('The app that sent you here is not known')
  return client
}

/** The parameters that count: those that were pushed, or signed, and else those that came. */
async function gatherParameters(
  dependencies: ReadRequestDependencies,
  client: Client,
  outer: RequestParameters,
): Promise<Gathered> {
  const { request, request_uri: uri } = outer
  if (request !== undefined && uri !== undefined) throw bad('request and request_uri exclude each other')
  if (uri?.startsWith(pushedRequestPrefix)) return findPushed(dependencies, client, uri)
  if (request === undefined && uri === undefined) {
    return { parameters: outer, origin: { isPushed: false, isSigned: false } }
  }
  const jwt = request ?? (await fetchRequestObject(dependencies, client, uri ?? ''))
  const parameters = await verifyRequestObject(dependencies, client, jwt)
  return { parameters: { ...parameters, client_id: client.id }, origin: { isPushed: false, isSigned: true } }
}

async function findPushed({ store, clock }: ReadRequestDependencies, client: Client, uri: string): Promise<Gathered> {
  const pushedHash = hashPushedRequest(uri)
  const now = clock.now()
  const row = await store.pushedRequests.find(pushedHash, now)
  // One that somebody has begun to answer is kept for longer, but begun with it is not again.
  if (!row || row.client_id !== client.id || row.created_at + pushedLifetime <= now)
    throw new GatehouseError('invalid_request_uri')
  // Written by the endpoint that pushes.
  const { parameters, isSigned } = JSON.parse(row.parameters) as PushedParameters
  return {
    parameters,
    origin: { isPushed: true, isSigned },
    pushedHash,
    ...(row.dpop_jkt === null ? {} : { pushedJkt: row.dpop_jkt }),
  }
}

/** A request object at an address that was registered for it, letter for letter (RFC 9101 section 10.4). */
async function fetchRequestObject({ outbound }: ReadRequestDependencies, client: Client, uri: string): Promise<string> {
  if (!client.requestUris.includes(uri)) throw new GatehouseError('invalid_request_uri')
  const unread = (why: string, cause?: unknown): GatehouseError =>
    new GatehouseError('invalid_request_uri', { cause: new Error(`request_uri: ${why}`, { cause }) })
  const answer = await outbound
    .fetch(uri, {
      accept: ['application/oauth-authz-req+jwt', 'application/jwt'],
      limitBytes: 65_536,
      allowsPrivate: client.privateNetwork,
    })
    .catch((error: unknown) => {
      throw unread(explainFailure(error), error)
    })
  if (answer.status !== 200) throw unread(`answered with ${answer.status}`)
  return answer.text.trim()
}

function findTarget(client: Client, parameters: RequestParameters): ResponseTarget | undefined {
  const { redirect_uri: presented, state } = parameters
  if (presented === undefined || findRedirectUri(presented, client.redirectUris) === undefined) return undefined
  let mode: ResponseTarget['mode'] = 'query'
  try {
    mode = parseResponseMode(parameters)
  } catch {
    // That it is not a mode is told by the check itself, in the default one.
  }
  return { client, redirectUri: presented, mode, state }
}

function checkGathered(
  dependencies: ReadRequestDependencies,
  client: Client,
  { parameters, origin, pushedHash, pushedJkt }: Gathered,
): ReadRequest {
  const target = findTarget(client, parameters)
  if (!target) throw bad('The redirect_uri is not one that this app has registered')
  try {
    parseResponseMode(parameters)
    const withKey = pushedJkt === undefined ? parameters : { ...parameters, dpop_jkt: pushedJkt }
    const request = checkAuthorizationRequest(dependencies, target, withKey, origin)
    return { target, request: pushedHash === undefined ? request : { ...request, pushedHash } }
  } catch (error) {
    if (error instanceof GatehouseError) return { target, error }
    throw error
  }
}

const bad = (description: string): GatehouseError => new GatehouseError('invalid_request', { description })
