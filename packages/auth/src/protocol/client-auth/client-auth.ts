import type { IncomingHttpHeaders } from 'node:http'
import { GatehouseError } from '@gatehouse/core/errors'
import type { AuthMethod, Client, Clients } from '../../domain/clients.ts'
import type { RemoteKeySets } from '../../domain/remote-key-sets.ts'
import type { ClientCertificate } from '../../http/client-certificate.ts'
import { tellClientId } from '../../http/describe-asked.ts'
import type { EndpointRequest } from '../../http/endpoint.ts'
import { type AssertionDependencies, assertionClientId, assertionType, checkAssertion } from './client-assertion.ts'
import type { ClientFault, ClientRefusals } from './client-refusals.ts'
import { checkSecret, clientChallenge, parseBasic } from './client-secret.ts'
import { checkTlsClient } from './tls-client-auth.ts'

/** The parameters of a form by which a client may prove itself. */
export interface ClientParameters {
  readonly client_id?: string | undefined
  readonly client_secret?: string | undefined
  readonly client_assertion?: string | undefined
  readonly client_assertion_type?: string | undefined
}

/** Finds out which client a request comes from, and whether it has proven it. */
export interface ClientAuthentication {
  /**
   * The client, proven by the method that it is registered for (a secret in the header or in the form: the proof is the same);
   * by its certificate where it is registered for that; a public client by its id alone.
   * Errors: `invalid_request` for two methods at once (RFC 6749 section 2.3), else `invalid_client`, which never tells an
   * unknown client from a wrong secret; `too_many_requests` where too many assertions came from one address, see
   * {@link checkAssertion}. Not a promise where nothing has to be read.
   */
  authenticate(request: ClientRequest, form: ClientParameters): Client | Promise<Client>
}

/** What of a request a client may be told by. Where it came from, and its id, are worked out when they are asked for: a success needs neither. */
export type ClientRequest = Pick<EndpointRequest<never>, 'headers' | 'address' | 'requestId' | 'certificate'>

type Presented =
  | { readonly method: 'client_secret_basic' | 'client_secret_post'; readonly id: string; readonly secret: string }
  | { readonly method: 'client_assertion'; readonly id: string; readonly assertion: string }
  | { readonly method: 'none'; readonly id: string }

export function createClientAuthentication(
  dependencies: AssertionDependencies & {
    readonly clients: Clients
    /** For certificates whose keys are behind a jwks_uri. */
    readonly keySets?: RemoteKeySets | undefined
    readonly refusals: Pick<ClientRefusals, 'note'>
  },
): ClientAuthentication {
  const proveByCertificate = async (client: Client, certificate: ClientCertificate | undefined): Promise<Client> => {
    // Nothing is fetched for a request that shows no certificate at all.
    const isFetched = certificate !== undefined && client.jwksUri !== undefined
    const options = { allowsPrivate: client.privateNetwork }
    const set = isFetched ? await dependencies.keySets?.get(client.jwksUri, options) : undefined
    const fault = checkTlsClient(client, certificate, set?.signatureKeys)
    if (fault !== undefined) throw new GatehouseError('invalid_client', { cause: new Error(`TLS client: ${fault}`) })
    return client
  }
  const prove = (
    client: Client | undefined,
    presented: Presented,
    request: ClientRequest,
  ): Client | Promise<Client> => {
    const { method } = presented
    if (!client)
      throw refused(method, `there is no client ${tellClientId(presented.id)}`, 'the client_id of a registered client')
    if (!accepts(client, method))
      throw refused(method, `the client proves itself by ${client.authMethod}, and not by ${method}`, client.authMethod)
    switch (presented.method) {
      case 'none':
        return client.authMethod === 'none' ? client : proveByCertificate(client, request.certificate)
      case 'client_assertion':
        return checkAssertion(dependencies, client, { assertion: presented.assertion, address: request.address }).then(
          () => client,
        )
      default:
        if (!checkSecret(client, presented.secret)) {
          throw refused(method, 'the secret is none of the client’s', 'a secret of the client that has not expired')
        }
        return client
    }
  }
  /** Notes a refusal beside the answer. Only then is it found out where the request came from, and which id it has. */
  const note = (error: unknown, request: ClientRequest, presented?: Presented, client?: Client): unknown => {
    const { address, requestId } = request
    dependencies.refusals.note(error, { fault: faultOf(presented, client), client, address, requestId })
    return error
  }
  const proveOrNote = (client: Client | undefined, presented: Presented, request: ClientRequest) => {
    const refuse = (error: unknown): never => {
      throw note(error, request, presented, client)
    }
    try {
      const proven = prove(client, presented, request)
      return proven instanceof Promise ? proven.catch(refuse) : proven
    } catch (error) {
      return refuse(error)
    }
  }
  return {
    authenticate(request, form) {
      let presented: Presented
      try {
        presented = parsePresented(request.headers, form)
      } catch (error) {
        throw note(error, request)
      }
      const client = dependencies.clients.find(presented.id)
      return client instanceof Promise
        ? client.then((found) => proveOrNote(found, presented, request))
        : proveOrNote(client, presented, request)
    },
  }
}

/** In few words what a refused client has not proven: nothing of what it has sent. */
function faultOf(presented: Presented | undefined, client: Client | undefined): ClientFault {
  if (presented === undefined) return 'no_client'
  if (client === undefined) return 'unknown_client'
  if (!accepts(client, presented.method)) return 'wrong_method'
  if (presented.method === 'client_assertion') return 'wrong_assertion'
  return presented.method === 'none' ? 'wrong_certificate' : 'wrong_secret'
}

/** Whether a client may prove itself like this: by the method that it is registered for, and by no other. */
function accepts(client: Client, presented: Presented['method']): boolean {
  const { authMethod: registered } = client
  if (presented === 'client_assertion') return registered === 'private_key_jwt' || registered === 'client_secret_jwt'
  // What proves a client by TLS stands in no parameter: its request looks like a public client's.
  if (presented === 'none') return registered === 'none' || isTls(registered)
  return registered === presented || (client.secretEitherWay && isSecret(registered))
}

const isTls = (method: AuthMethod): boolean => method === 'tls_client_auth' || method === 'self_signed_tls_client_auth'

const isSecret = (method: AuthMethod): boolean => method === 'client_secret_basic' || method === 'client_secret_post'

function parsePresented(headers: IncomingHttpHeaders, form: ClientParameters): Presented {
  const basic = headers.authorization === undefined ? undefined : parseBasic(headers.authorization)
  const methods = [basic, form.client_secret, form.client_assertion].filter((value) => value !== undefined)
  if (methods.length > 1) {
    throw new GatehouseError('invalid_request', { description: 'The client authenticates in two ways at once' })
  }
  if (basic) {
    if (form.client_id !== undefined && form.client_id !== basic.id) {
      throw new GatehouseError('invalid_request', {
        description: 'The client_id differs from the one in the Authorization header',
      })
    }
    return { method: 'client_secret_basic', ...basic }
  }
  if (form.client_assertion !== undefined) {
    if (form.client_assertion_type !== assertionType) {
      throw new GatehouseError('invalid_request', { description: `The client_assertion_type must be ${assertionType}` })
    }
    const id = assertionClientId(form.client_assertion)
    if (id === undefined || (form.client_id !== undefined && form.client_id !== id)) {
      throw refused('client_assertion', 'the assertion is of no client, or of another than client_id', 'iss and sub')
    }
    return { method: 'client_assertion', id, assertion: form.client_assertion }
  }
  if (form.client_id === undefined) throw refused('nothing', 'no client is named', 'a client_id, and what proves it')
  if (form.client_secret !== undefined) {
    return { method: 'client_secret_post', id: form.client_id, secret: form.client_secret }
  }
  return { method: 'none', id: form.client_id }
}

/**
 * The one refusal of a client. Spec: RFC 6749 section 5.2: with a challenge where the header was used, and where no client was named at all.
 * Left out elsewhere: libraries of clients that meet one look no further, and hide that it is `invalid_client`; and a browser would ask
 * people for a name and a password.
 */
function refused(method: Presented['method'] | 'nothing', why: string, needed: string): GatehouseError {
  const challenge = method === 'client_secret_basic' || method === 'nothing' ? clientChallenge : {}
  return new GatehouseError('invalid_client', { ...challenge, cause: new Error(why), needed })
}
