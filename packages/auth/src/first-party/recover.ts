import { paths } from '@gatehouse/core/paths'
import * as Type from 'typebox'
import type { Recovery } from '../domain/recovery.ts'
import type { AddressLimit } from '../http/address-limit.ts'
import { defineEndpoint, type Endpoint } from '../http/endpoint.ts'

interface Dependencies {
  readonly recovery: Recovery
  readonly mailRequests: AddressLimit
}

/** POST /recover and POST /recover/password: a forgotten password from one's own screens, by the same rules as the pages. */
export const firstPartyRecoverEndpoints = ({ recovery, mailRequests }: Dependencies): readonly Endpoint[] => [
  defineEndpoint({
    method: 'POST',
    path: paths.recover,
    summary: 'Mails a link for a new password; the answer is the same where there is no account',
    bodyKind: 'json',
    body: Type.Object({ username: Type.String({ description: 'The user name, or the e-mail address' }) }),
    answers: { 202: Type.Object({}) },
    errors: ['invalid_request', 'too_many_requests', 'temporarily_unavailable'],
    cors: 'first-party',
    async handle({ body, address, requestId, look }) {
      mailRequests.take(address)
      const by = { address, request_id: requestId }
      await recovery.begin({ username: body.username, asker: undefined, locale: look.locale, by })
      return { status: 202, json: {} }
    },
  }),
  defineEndpoint({
    method: 'POST',
    path: paths.recoverPassword,
    summary: 'Sets a new password by the link, and ends every session; second factors stay',
    bodyKind: 'json',
    body: Type.Object({
      token: Type.String({ maxLength: 100, description: 'From the link in the mail' }),
      password: Type.String({ description: 'At most 1024 bytes' }),
    }),
    answers: { 204: null },
    errors: ['invalid_request', 'weak_password', 'not_found', 'temporarily_unavailable'],
    cors: 'first-party',
    async handle({ body, address, requestId }) {
      await recovery.complete(body, { address, request_id: requestId })
      return { status: 204 }
    },
  }),
]
