import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import * as Type from 'typebox'
import type { TokenPair } from '../domain/build-token-pair.ts'
import { assertionSchema } from '../domain/passkey-answers.ts'
import { requestOptionsSchema } from '../domain/passkey-options.ts'
import type { SecondFactors } from '../domain/second-factors.ts'
import type { AddressLimit } from '../http/address-limit.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { type PasskeyDependencies, proveByPasskey } from '../login/passkey.ts'
import { tokenResponseSchema } from '../protocol/token.ts'
import { answerSignIn, askedSchema, type LoginAnswerDependencies, readAskedTokens } from './login.ts'

const optionsSchema = Type.Object({
  mfa_token: Type.Optional(
    Type.String({
      description: 'From the answer of POST /login, for POST /login/mfa; left out: for POST /login/passkey',
    }),
  ),
})
const bodySchema = Type.Object({ assertion: assertionSchema, ...askedSchema.properties })

interface Dependencies extends PasskeyDependencies, LoginAnswerDependencies {
  readonly secondFactors: Pick<SecondFactors, 'methodsOf'>
  /** What strangers may begin. */
  readonly beginnings: AddressLimit
}

/** POST /login/passkey and its options: a passkey for a token pair, on behalf of a first-party client. */
export function loginPasskeyEndpoints(dependencies: Dependencies): readonly Endpoint[] {
  return [
    defineEndpoint({
      method: 'POST',
      path: paths.loginPasskeyOptions,
      summary: 'What to ask the browser for a passkey with',
      spec: 'WebAuthn Level 3 section 5.5',
      bodyKind: 'json',
      body: optionsSchema,
      answers: { 200: Type.Object({ public_key: requestOptionsSchema }) },
      errors: ['invalid_request', 'invalid_credentials', 'too_many_requests', 'temporarily_unavailable'],
      cors: 'first-party',
      handle: (request) => answerOptions(dependencies, request),
    }),
    defineEndpoint({
      method: 'POST',
      path: paths.loginPasskey,
      summary: 'Signs a user in by a passkey and answers with a token pair',
      spec: 'WebAuthn Level 3 section 7.2',
      bodyKind: 'json',
      body: bodySchema,
      answers: { 200: tokenResponseSchema },
      errors: [
        'invalid_request',
        'invalid_client',
        'unauthorized_client',
        'invalid_credentials',
        'forbidden',
        'access_denied',
        'interaction_required',
        'invalid_scope',
        'invalid_target',
        'temporarily_unavailable',
      ],
      cors: 'first-party',
      handle: (request) => signIn(dependencies, request),
    }),
  ]
}

/** The same for everybody who has proven nothing: no name is asked for, so none is told about. */
async function answerOptions(
  { passkeys, secondFactors, mfaTokens, beginnings }: Dependencies,
  { body, address }: EndpointRequest<Type.Static<typeof optionsSchema>>,
): Promise<Answer> {
  beginnings.take(address)
  if (body.mfa_token === undefined) return { status: 200, json: { public_key: await passkeys.beginAssertion({}) } }
  const half = await mfaTokens.find(body.mfa_token)
  if (!half) throw new GatehouseError('invalid_credentials', { cause: new Error('no such mfa_token') })
  if (!(await secondFactors.methodsOf(half.user)).includes('passkey')) {
    throw new GatehouseError('invalid_request', { description: 'This user has no passkey' })
  }
  const place = { flow: body.mfa_token, user: half.user }
  return { status: 200, json: { public_key: await passkeys.beginAssertion(place) } }
}

async function signIn(
  dependencies: Dependencies,
  request: EndpointRequest<Type.Static<typeof bodySchema>>,
): Promise<{ status: number; json: TokenPair }> {
  const asked = await readAskedTokens(dependencies, request.body)
  const { address, requestId, body } = request
  const tried = { assertion: body.assertion, place: {}, by: { address, request_id: requestId } }
  const json = await proveByPasskey(dependencies, tried, (signedIn) =>
    answerSignIn(dependencies, asked, request, signedIn),
  )
  return { status: 200, json }
}
