import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import * as Type from 'typebox'
import type { Client } from '../domain/clients.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import type { ClientAuthentication, ClientParameters } from '../protocol/client-auth/client-auth.ts'
import { clientParameterSchema } from '../protocol/token.ts'
import type { RevocationFeed } from './revocation-feed.ts'

interface Dependencies {
  readonly clientAuthentication: ClientAuthentication
  readonly feed: RevocationFeed
}

/** A request for the feed, however the client proves itself. */
type FeedRequest = Pick<EndpointRequest<never>, 'headers' | 'address' | 'requestId' | 'query' | 'certificate'>

const about = {
  path: paths.revocationFeed,
  spec: 'HTML, server-sent events',
  query: Type.Object({
    since: Type.Optional(
      Type.String({ description: 'The last id that the reader has; the header Last-Event-ID goes before it' }),
    ),
  }),
  answers: { 200: null },
  streams: 'text/event-stream',
  errors: ['invalid_request', 'invalid_client', 'forbidden', 'too_many_requests', 'temporarily_unavailable'],
} as const

/**
 * The revocation feed: by GET for clients that prove themselves in the header, by POST for those that do it in a form. Who may
 * read it is decided as for introspection, but that one's own tokens are not enough: it says who is revoked, whosever tokens
 * they have. Spec: HTML, server-sent events.
 */
export function revocationFeedEndpoints({ clientAuthentication, feed }: Dependencies): readonly Endpoint[] {
  const answer = async (request: FeedRequest, form: ClientParameters): Promise<Answer> => {
    const client = await clientAuthentication.authenticate(request, form)
    checkReader(client)
    const id = parseId(request)
    if (id !== undefined) await feed.catchUp(id)
    feed.checkRoom(client.id)
    return {
      status: 200,
      type: 'text/event-stream',
      // Proxies in front of this one are asked not to collect events.
      headers: { 'x-accel-buffering': 'no' },
      stream: (response) => feed.serve(client.id, response, id),
    }
  }
  return [
    defineEndpoint({
      ...about,
      method: 'GET',
      summary: 'Tells services what is revoked, at once and then as it happens, as server-sent events',
      bodyKind: 'none',
      handle: (request) => answer(request, {}),
    }),
    defineEndpoint({
      ...about,
      method: 'POST',
      summary: 'The same, for clients that prove themselves in a form, by an assertion or by a certificate',
      bodyKind: 'form',
      body: Type.Object(clientParameterSchema),
      handle: (request) => answer(request, request.body),
    }),
  ]
}

function checkReader(client: Client): void {
  if (client.authMethod === 'none') throw new GatehouseError('invalid_client')
  // Those with pairwise subjects know users and sessions by other names than those that are revoked here.
  if (client.answersFor.size > 0 && client.subjectType !== 'pairwise') return
  throw new GatehouseError('forbidden', {
    description: 'The revocation feed is for services and for clients with `introspects`',
  })
}

/** The id that the reader has, where it says one. */
function parseId({ headers, query }: FeedRequest): string | undefined {
  const text = headers['last-event-id'] ?? new URLSearchParams(query).get('since') ?? undefined
  if (text === undefined || text === '') return undefined
  if (typeof text !== 'string' || !/^\d{1,15}$/.test(text)) {
    throw new GatehouseError('invalid_request', { description: 'Last-Event-ID, or since, is an id of the feed' })
  }
  return text
}
