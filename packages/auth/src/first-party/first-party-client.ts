import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import { firstPartyClientId } from '@gatehouse/core/wire-names'
import type { Client, Clients } from '../domain/clients.ts'

/** Whether a client is one's own, and public: whom the sign-in API acts for. */
export const isFirstParty = (client: Client | undefined): client is Client =>
  client?.firstParty === true && client.authMethod === 'none'

/**
 * Whether the sign-in API can give a client the tokens that it is registered for. It proves nothing but the user, so that those
 * that are always bound are got by the authorization endpoint. Error: `unauthorized_client`. Threat: bearer tokens of a client
 * whose services trust in them being bound.
 */
export function checkIssuable({ id, dpopBound, certificateBound }: Client): void {
  if (!dpopBound && !certificateBound) return
  throw new GatehouseError('unauthorized_client', {
    description: `Tokens of this client are always bound to a key or certificate, which cannot be done here: use ${paths.authorize} and ${paths.token}`,
    cause: new Error(`${id} has dpop_bound_access_tokens or tls_client_certificate_bound_access_tokens`),
  })
}

/** The first-party client of this id. Errors: `invalid_client`, and that of {@link checkIssuable}. */
export async function getFirstPartyClient(clients: Clients, id: string = firstPartyClientId): Promise<Client> {
  const client = await clients.find(id)
  if (!isFirstParty(client)) {
    const cause = new Error(client ? 'the client is not a public one of the first party' : 'there is no such client')
    throw new GatehouseError('invalid_client', { cause, needed: 'a public client with first_party: true' })
  }
  checkIssuable(client)
  return client
}
