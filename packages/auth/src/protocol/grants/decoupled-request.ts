import { GatehouseError } from '@gatehouse/core/errors'
import type { Clock } from '@gatehouse/core/time'
import type { DecoupledRequestRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'
import type { DecoupledRequests } from '../../domain/decoupled-requests.ts'
import type { Revocations } from '../../domain/revocations.ts'
import type { IssuedTokens, TokenPairs } from '../../domain/token-pairs.ts'
import type { Standing } from '../../federation/standing.ts'
import { isRefreshable } from '../../flow/authorization.ts'
import { type IdTokenDependencies, idTokenFor, prepareIdToken } from '../id-token-answer.ts'
import { type GrantRequest, narrowAudiences, type TokenResponse } from '../token.ts'

export interface DecoupledGrantDependencies extends IdTokenDependencies {
  readonly store: Store
  readonly clock: Clock
  readonly decoupledRequests: DecoupledRequests
  readonly tokenPairs: TokenPairs
  readonly revocations: Pick<Revocations, 'announce'>
  readonly standing: Pick<Standing, 'checkSession'>
}

/**
 * Tokens for a request that its user has approved: exactly what was shown then, whatever the token request says.
 * Using it up and starting the grant are one transaction: of any number of requests with one code, one gets tokens.
 * Cost: one read, one transaction, one or two signatures.
 */
export async function issueDecoupled(
  dependencies: DecoupledGrantDependencies,
  request: GrantRequest,
  kind: DecoupledRequestRow['kind'],
  code: string,
): Promise<TokenResponse> {
  const { client } = request
  const approved = await dependencies.decoupledRequests.getApproved({ kind, code, client })
  await prepareIdToken(dependencies, client, approved.scope)
  const { pair, grant } = await exchange(dependencies, request, approved)
  const id_token = await idTokenFor(dependencies, client, grant, { accessToken: pair.access_token })
  return id_token === undefined ? pair : { ...pair, id_token }
}

async function exchange(
  { store, clock, tokenPairs, standing, revocations }: DecoupledGrantDependencies,
  { client, audiences, confirmation, useProof, address, requestId }: GrantRequest,
  { hash, audience, session_id: approvedIn }: DecoupledRequestRow,
): Promise<IssuedTokens> {
  const granted = audience.split(' ')
  const tokenAudiences = narrowAudiences(audiences, granted)
  if (!tokenAudiences) throw new GatehouseError('invalid_target')
  const by = { address, request_id: requestId }
  if (approvedIn !== null) await standing.checkSession(approvedIn, by)
  await useProof?.()
  const now = clock.now()
  const { ended, ...issued } = await store.transaction(async (tables) => {
    const row = await tables.decoupledRequests.consume({ hash, client_id: client.id, now })
    const { user_id, session_id, auth_time } = row ?? {}
    if (!row || !user_id || !session_id || auth_time == null) throw refused('the code has been used')
    const session = await tables.sessions.findById(session_id)
    if (!session || session.expires_at <= now) throw refused('the session in which it was approved has ended')
    return tokenPairs.startGrant(
      tables,
      {
        id: row.grant_id,
        client,
        userId: user_id,
        session,
        authTime: auth_time,
        acr: row.acr ?? '',
        amr: row.amr ?? '',
        factorAt: row.factor_at,
        standing: { ...row, roles: row.roles ?? '' },
        scope: row.scope,
        audiences: granted,
        tokenAudiences,
        refreshable: isRefreshable(client, row.scope),
        confirmation,
        claims: null,
        authorizationDetails: row.authorization_details,
      },
      by,
    )
  })
  await revocations.announce(ended)
  return issued
}

const refused = (why: string): GatehouseError => new GatehouseError('invalid_grant', { cause: new Error(why) })
