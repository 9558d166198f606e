import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import type { UserRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'
import * as Type from 'typebox'
import type { TokenPair } from '../domain/build-token-pair.ts'
import { assertionSchema } from '../domain/passkey-answers.ts'
import { factorMethods } from '../domain/second-factors.ts'
import { nameFactors, nextStep } from '../flow/next-step.ts'
import { defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { holdAccount } from '../login/hold-account.ts'
import { type ShowFactorDependencies, type ShownFactor, showFactor } from '../login/show-factor.ts'
import { tokenResponseSchema } from '../protocol/token.ts'
import { type LoginAnswerDependencies, startFirstPartySession } from './login.ts'
import type { HalfSignedIn } from './mfa-tokens.ts'

const bodySchema = Type.Object({
  mfa_token: Type.String({ description: 'From the answer of POST /login' }),
  method: Type.Union(
    factorMethods.map((method) => Type.Literal(method)),
    { description: 'One of the methods of that answer' },
  ),
  code: Type.Optional(Type.String({ maxLength: 100 })),
  assertion: Type.Optional(assertionSchema),
  organization: Type.Optional(Type.String({ description: 'As at POST /login, if it was not said there' })),
})

type MfaBody = Type.Static<typeof bodySchema>

interface Dependencies extends LoginAnswerDependencies, ShowFactorDependencies {
  readonly store: Store
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
    errors: [
      'invalid_request',
      'invalid_client',
      'unauthorized_client',
      'invalid_credentials',
      'access_denied',
      'interaction_required',
      'invalid_scope',
      'too_many_requests',
      'temporarily_unavailable',
    ],
    cors: 'first-party',
    handle: (request) => goOn(dependencies, request),
  })
}

async function goOn(
  dependencies: Dependencies,
  request: EndpointRequest<MfaBody>,
): Promise<{ status: number; json: TokenPair }> {
  const { store, mfaTokens } = dependencies
  const { body, address, requestId } = request
  const half = await mfaTokens.find(body.mfa_token)
  const user = half && (await store.users.findById(half.user))
  if (!half || !user) throw new GatehouseError('invalid_credentials', { cause: new Error('no such mfa_token') })
  const by = { address, request_id: requestId }
  const shown = await showFactor(dependencies, { ...body, user: user.id, flow: body.mfa_token, by })
  if ('why' in shown) throw new GatehouseError('invalid_credentials', { cause: new Error(shown.why) })
  return { status: 200, json: await start(dependencies, request, half, user, shown) }
}

async function start(
  dependencies: Dependencies,
  { body, headers, address, requestId }: EndpointRequest<MfaBody>,
  half: HalfSignedIn,
  user: UserRow,
  shown: ShownFactor,
): Promise<TokenPair> {
  const amr = nameFactors([...half.amr, ...shown.amr])
  const judged = nextStep(user, { amr, methods: [], isRemembered: false, isRequired: false })
  if (judged.step !== 'issue') throw new GatehouseError('invalid_credentials', { cause: new Error(judged.step) })
  const asked = { ...half.asked, organisation: body.organization ?? half.asked.organisation }
  return startFirstPartySession(dependencies, asked, {
    ...{ user, amr, acr: judged.acr, address, requestId },
    providerSession: half.providerSession,
    device: String(headers['user-agent'] ?? '').slice(0, 200),
    async alongside(tables) {
      // Of two answers to one question one counts; and whoever has changed the account meanwhile has ended it.
      const [isFirst] = await Promise.all([
        dependencies.mfaTokens.consume(tables, body.mfa_token),
        holdAccount(tables, user),
        shown.use(tables),
      ])
      if (!isFirst) throw new GatehouseError('invalid_credentials')
    },
  })
}
