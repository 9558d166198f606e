import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import { parseScope } from '@gatehouse/core/scope'
import type { UserRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'
import * as Type from 'typebox'
import type { BackchannelLimit } from '../domain/backchannel-limit.ts'
import type { Client } from '../domain/clients.ts'
import { type DecoupledRequests, decisionTime, pollInterval } from '../domain/decoupled-requests.ts'
import { isShowable } from '../domain/shown-text.ts'
import { canonicalName } from '../domain/users.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import type { RequestCheckDependencies } from './authorization-request.ts'
import type { ClientAuthentication } from './client-auth/client-auth.ts'
import { cibaGrantType } from './grants/ciba.ts'
import { type AccessCheckDependencies, accessParameterSchema, checkRequestedAccess } from './requested-access.ts'
import { clientParameterSchema } from './token.ts'

interface Dependencies extends AccessCheckDependencies, Pick<RequestCheckDependencies, 'readIdTokenHint'> {
  readonly store: Pick<Store, 'users'>
  readonly clientAuthentication: ClientAuthentication
  readonly decoupledRequests: DecoupledRequests
  readonly backchannelLimit: Pick<BackchannelLimit, 'take'>
}

const text = (description: string) => Type.Optional(Type.String({ description }))

const formSchema = Type.Object({
  ...clientParameterSchema,
  ...accessParameterSchema,
  login_hint: text('The user name of who is to decide'),
  id_token_hint: text('An ID token of who is to decide, in place of login_hint'),
  login_hint_token: text('Not supported'),
  binding_message: text('Shown to the user; at most 100 characters'),
  acr_values: text('Taken as a wish'),
  requested_expiry: text('Seconds that the user shall have for the decision; at most 600'),
  client_notification_token: text('ping: the bearer token of the notification'),
  request: text('Not supported'),
})

type BackchannelForm = Type.Static<typeof formSchema>

/**
 * Lets a client ask a user who is elsewhere. Spec: OpenID Connect CIBA Core 1.0 section 7. Only a client that has proven
 * itself hears that there is no such user, and whoever runs Gatehouse has allowed it this grant. How often it may ask one user is
 * limited; see domain/backchannel-limit. The user is told by mail, which the answer neither waits for nor tells of.
 * Cost: one read, two transactions.
 */
export function backchannelAuthenticationEndpoint(dependencies: Dependencies): Endpoint {
  const { clientAuthentication, decoupledRequests, backchannelLimit } = dependencies

  const begin = async (
    client: Client,
    { body, address, requestId }: EndpointRequest<BackchannelForm>,
  ): Promise<Answer> => {
    if (client.authMethod === 'none' || !client.grantTypes.has(cibaGrantType)) {
      throw new GatehouseError('unauthorized_client')
    }
    const asked = checkAsked(dependencies, client, body, address)
    const user = await findUser(dependencies, client, body)
    if (user?.status !== 'active') throw new GatehouseError('unknown_user_id')
    await backchannelLimit.take(
      { client: client.id, user: user.id, name: client.name ?? client.id },
      { address, request_id: requestId },
    )
    const id = await decoupledRequests.beginBackchannel({ ...asked, user })
    return { status: 200, json: { auth_req_id: id, expires_in: asked.lifetime, interval: pollInterval } }
  }
  return defineEndpoint({
    method: 'POST',
    path: paths.backchannelAuthentication,
    summary: 'Asks a user who is elsewhere to let a client in',
    spec: 'OpenID Connect CIBA Core 1.0 section 7',
    bodyKind: 'form',
    body: formSchema,
    answers: {
      200: Type.Object({
        auth_req_id: Type.String(),
        expires_in: Type.Integer({ description: 'Seconds' }),
        interval: Type.Integer({ description: 'Seconds between two polls' }),
      }),
    },
    errors: [
      'invalid_request',
      'invalid_client',
      'unauthorized_client',
      'invalid_scope',
      'invalid_target',
      'invalid_authorization_details',
      'invalid_binding_message',
      'unknown_user_id',
      'too_many_requests',
      'temporarily_unavailable',
    ],
    refuseQuery: true,
    handle: async (request) => begin(await clientAuthentication.authenticate(request, request.body), request),
  })
}

const bad = (description: string): GatehouseError => new GatehouseError('invalid_request', { description })

/** Everything that is checked of a request but whom it names. */
function checkAsked(dependencies: Dependencies, client: Client, form: BackchannelForm, address: string) {
  if (form.request !== undefined) throw bad('Signed requests are not supported here')
  if (form.scope === undefined) throw bad('The parameter scope is missing')
  if (!parseScope(form.scope)?.has('openid')) {
    throw new GatehouseError('invalid_scope', { description: 'The scope openid is needed' })
  }
  if (form.login_hint_token !== undefined) throw bad('login_hint_token is not supported: use login_hint')
  if ((form.login_hint === undefined) === (form.id_token_hint === undefined)) {
    throw bad('Exactly one of login_hint and id_token_hint is needed')
  }
  return {
    ...checkRequestedAccess(dependencies, client, form, address),
    bindingMessage: checkBindingMessage(form.binding_message),
    lifetime: checkExpiry(form.requested_expiry),
    notificationToken: checkNotificationToken(client, form.client_notification_token),
  }
}

function checkBindingMessage(message: string | undefined): string | undefined {
  if (message !== undefined && ([...message].length > 100 || !isShowable(message))) {
    throw new GatehouseError('invalid_binding_message')
  }
  return message
}

function checkExpiry(asked: string | undefined): number {
  if (asked === undefined) return decisionTime
  if (!/^[1-9]\d{0,8}$/.test(asked)) throw bad('The requested_expiry is not a positive number of seconds')
  return Math.min(Number(asked), decisionTime)
}

/** Spec: CIBA Core section 7.1: at most 1024 characters of the syntax of bearer tokens, and 128 bits that nobody can guess. */
function checkNotificationToken(client: Client, token: string | undefined): string | undefined {
  if (client.ciba?.mode !== 'ping') return undefined
  if (token === undefined) throw bad('The parameter client_notification_token is missing')
  if (token.length < 22 || token.length > 1024 || !/^[\w.~+/-]+=*$/.test(token)) {
    throw bad('The client_notification_token is not a bearer token of 22 to 1024 characters')
  }
  return token
}

/** A client with pairwise subjects can only name users as they name themselves: its subjects lead back to nobody. */
async function findUser(
  { store, readIdTokenHint }: Dependencies,
  client: Client,
  { login_hint: hint, id_token_hint: token }: BackchannelForm,
): Promise<UserRow | undefined> {
  if (token !== undefined) return store.users.findById(readIdTokenHint(token, client) as UserRow['id']) // looked up
  const name = canonicalName(hint ?? '')
  return name === undefined ? undefined : store.users.findByCanonicalName(name)
}
