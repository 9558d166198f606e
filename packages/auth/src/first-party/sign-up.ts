import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import { randomToken } from '@gatehouse/core/random'
import type { UserRow } from '@gatehouse/store/rows'
import * as Type from 'typebox'
import { hashAsker } from '../domain/mailed-proofs.ts'
import type { SignUps } from '../domain/sign-up.ts'
import type { AddressLimit } from '../http/address-limit.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { checkOpen } from '../login/sign-up.ts'
import { judgeNewAccount } from '../login/verify-email.ts'
import { tokenResponseSchema } from '../protocol/token.ts'
import { answerSignIn, askedSchema, type LoginAnswerDependencies, readAskedTokens } from './login.ts'

interface Dependencies extends LoginAnswerDependencies {
  readonly signUps: SignUps
  readonly mailRequests: AddressLimit
  readonly requiresSecondFactor: (user: UserRow) => Promise<boolean>
}

const signUpSchema = Type.Object({
  email: Type.String(),
  password: Type.String({ description: 'At most 1024 bytes' }),
  terms: Type.Optional(Type.Boolean({ description: 'Whether the terms are agreed to, where there are any' })),
})

const verifySchema = Type.Object({
  token: Type.String({ maxLength: 100, description: 'From the link in the mail' }),
  sign_up_token: Type.Optional(
    Type.String({
      maxLength: 100,
      description: 'From the answer of POST /signup: then the password of that request counts',
    }),
  ),
  password: Type.Optional(
    Type.String({ description: 'Needed where there is no sign_up_token, and for an invitation' }),
  ),
  ...askedSchema.properties,
})

type VerifyBody = Type.Static<typeof verifySchema>

/** POST /signup and POST /verify: opening an account from one's own screens, by the same rules as the pages. */
export const firstPartySignUpEndpoints = (dependencies: Dependencies): readonly Endpoint[] => [
  defineEndpoint({
    method: 'POST',
    path: paths.signUp,
    summary: 'Mails a link for a new account; the answer is the same where there is one already',
    bodyKind: 'json',
    body: signUpSchema,
    answers: { 202: Type.Object({ sign_up_token: Type.String() }) },
    errors: [
      'invalid_request',
      'weak_password',
      'forbidden',
      'not_found',
      'too_many_requests',
      'temporarily_unavailable',
    ],
    cors: 'first-party',
    handle: (request) => signUp(dependencies, request),
  }),
  defineEndpoint({
    method: 'POST',
    path: paths.verify,
    summary: 'Opens the account of a link, and answers with a token pair',
    bodyKind: 'json',
    body: verifySchema,
    answers: { 200: tokenResponseSchema },
    errors: [
      'invalid_request',
      'invalid_client',
      'unauthorized_client',
      'weak_password',
      'mfa_required',
      'invalid_scope',
      'invalid_target',
      'not_found',
      'already_exists',
      'temporarily_unavailable',
    ],
    cors: 'first-party',
    handle: (request) => verify(dependencies, request),
  }),
]

async function signUp(
  dependencies: Dependencies,
  { body, address, requestId, look }: EndpointRequest<Type.Static<typeof signUpSchema>>,
): Promise<Answer> {
  const { signUps, mailRequests } = dependencies
  checkOpen(dependencies)
  if (signUps.policy.terms !== undefined && body.terms !== true) {
    throw new GatehouseError('invalid_request', { description: 'The terms have to be agreed to' })
  }
  mailRequests.take(address)
  const { email, password } = body
  const sign_up_token = `ghu_${randomToken(32)}`
  const by = { address, request_id: requestId }
  await signUps.begin({ email, password, asker: hashAsker(sign_up_token), locale: look.locale, by })
  return { status: 202, json: { sign_up_token } }
}

async function verify(dependencies: Dependencies, request: EndpointRequest<VerifyBody>): Promise<Answer> {
  const { body, address, requestId } = request
  const asked = await readAskedTokens(dependencies, body)
  const asker = body.sign_up_token === undefined ? undefined : hashAsker(body.sign_up_token)
  const { token, password } = body
  const account = await dependencies.signUps.build({ token, asker, password }, { address, request_id: requestId })
  const json = await answerSignIn(dependencies, asked, request, await judgeNewAccount(dependencies, account))
  return { status: 200, json }
}
