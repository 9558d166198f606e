import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import type { Clock } from '@gatehouse/core/time'
import type { UserRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'
import * as Type from 'typebox'
import type { Clients } from '../domain/clients.ts'
import { amrOf, codeMethods, type SecondFactors } from '../domain/second-factors.ts'
import type { TokenPair, TokenPairs } from '../domain/token-pairs.ts'
import { nameFactors, nextStep } from '../flow/next-step.ts'
import { defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { tokenResponseSchema } from '../protocol/token.ts'
import { getFirstPartyClient, startFirstPartySession } from './login.ts'
import type { HalfSignedIn, MfaTokens } from './mfa-tokens.ts'

const bodySchema = Type.Object({
  mfa_token: Type.String({ description: 'From the answer of POST /login' }),
  method: Type.Union(
    codeMethods.map((method) => Type.Literal(method)),
    { description: 'One of the methods of that answer' },
  ),
  code: Type.String({ maxLength: 100 }),
})

interface MfaBody {
  readonly mfa_token: string
  readonly method: (typeof codeMethods)[number]
  readonly code: string
}

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly clients: Clients
  readonly secondFactors: SecondFactors
  readonly mfaTokens: MfaTokens
  readonly tokenPairs: TokenPairs
  readonly defaultAudience: () => string
}

/** POST /login/mfa: the second half of a sign-in that POST /login has answered with mfa_required. */
export function loginMfaEndpoint(dependencies: Dependencies): Endpoint {
  return defineEndpoint({
    method: 'POST',
    path: paths.loginMfa,
    summary: 'Shows a second factor and answers with a token pair',
    bodyKind: 'json',
    body: bodySchema,
    answers: { 200: tokenResponseSchema },
    errors: ['invalid_request', 'invalid_credentials', 'invalid_scope', 'too_many_requests', 'temporarily_unavailable'],
    cors: 'first-party',
    handle: (request) => showFactor(dependencies, request),
  })
}

async function showFactor(
  dependencies: Dependencies,
  request: EndpointRequest<MfaBody>,
): Promise<{ status: number; json: TokenPair }> {
  const { store, secondFactors, mfaTokens } = dependencies
  const { mfa_token, method, code } = request.body
  const half = await mfaTokens.find(mfa_token)
  const user = half && (await store.users.findById(half.user))
  if (!half || !user || !(await secondFactors.check(user.id, method, code))) {
    throw new GatehouseError('invalid_credentials', { cause: new Error(half ? 'wrong code' : 'no such mfa_token') })
  }
  return { status: 200, json: await start(dependencies, request, half, user) }
}

async function start(
  dependencies: Dependencies,
  { body, headers, address, requestId }: EndpointRequest<MfaBody>,
  half: HalfSignedIn,
  user: UserRow,
): Promise<TokenPair> {
  const amr = nameFactors([...half.amr, amrOf[body.method]])
  const judged = nextStep(user, { amr, methods: [], isRemembered: false, isRequired: false })
  if (judged.step !== 'issue') throw new GatehouseError('invalid_credentials', { cause: new Error(judged.step) })
  const client = await getFirstPartyClient(dependencies.clients, half.asked.clientId)
  return startFirstPartySession(dependencies, client, half.asked, {
    ...{ user, amr, acr: judged.acr, address, requestId },
    device: String(headers['user-agent'] ?? '').slice(0, 200),
    async alongside(tables) {
      // Of two answers to one question one counts; and whoever has changed the account meanwhile has ended it.
      const isFirst = await dependencies.mfaTokens.consume(tables, body.mfa_token)
      const { id, password_hash } = user
      const isUnchanged = password_hash !== null && (await tables.users.hold({ id, password_hash }))
      if (!isFirst || !isUnchanged) throw new GatehouseError('invalid_credentials')
    },
  })
}
