import { paths } from '@gatehouse/core/paths'
import { randomToken } from '@gatehouse/core/random'
import * as Type from 'typebox'
import { hashAsker } from '../domain/mailed-proofs.ts'
import type { AddressLimit } from '../http/address-limit.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { checkOffered } from '../login/offered-methods.ts'
import { type MailedSignInDependencies, proveByMail } from '../login/prove-by-mail.ts'
import { tokenResponseSchema } from '../protocol/token.ts'
import { answerSignIn, askedSchema, type LoginAnswerDependencies, readAskedTokens } from './login.ts'

interface Dependencies extends MailedSignInDependencies, LoginAnswerDependencies {
  readonly mailRequests: AddressLimit
}

const codeSchema = Type.Object({
  login_token: Type.String({ maxLength: 100, description: 'From the answer of POST /login/code/send' }),
  code: Type.String({ maxLength: 20 }),
  ...askedSchema.properties,
})

type CodeBody = Type.Static<typeof codeSchema>

/** POST /login/code/send and POST /login/code: signing in by a code from a mail, from one's own screens. */
export const loginCodeEndpoints = (dependencies: Dependencies): readonly Endpoint[] => [
  defineEndpoint({
    method: 'POST',
    path: paths.loginCodeSend,
    summary: 'Mails a code to sign in by; the answer is the same where there is no account',
    bodyKind: 'json',
    body: Type.Object({ username: Type.String({ description: 'The user name, or the e-mail address' }) }),
    answers: { 202: Type.Object({ login_token: Type.String() }) },
    errors: ['invalid_request', 'forbidden', 'too_many_requests', 'temporarily_unavailable'],
    cors: 'first-party',
    async handle({ body, address, requestId, look }) {
      checkOffered(dependencies, 'email_code')
      dependencies.mailRequests.take(address)
      const login_token = `ghk_${randomToken(32)}`
      await dependencies.signInMails.ask({
        method: 'email_code',
        username: body.username,
        asker: hashAsker(login_token),
        locale: look.locale,
        by: { address, request_id: requestId },
      })
      return { status: 202, json: { login_token } }
    },
  }),
  defineEndpoint({
    method: 'POST',
    path: paths.loginCode,
    summary: 'Signs in by that code, and answers with a token pair',
    bodyKind: 'json',
    body: codeSchema,
    answers: { 200: tokenResponseSchema },
    errors: [
      'invalid_request',
      'invalid_client',
      'unauthorized_client',
      'invalid_credentials',
      'mfa_required',
      'invalid_scope',
      'invalid_target',
      'forbidden',
      'too_many_requests',
      'temporarily_unavailable',
    ],
    cors: 'first-party',
    handle: (request) => signIn(dependencies, request),
  }),
]

async function signIn(dependencies: Dependencies, request: EndpointRequest<CodeBody>): Promise<Answer> {
  checkOffered(dependencies, 'email_code')
  const { body, address, requestId } = request
  const asked = await readAskedTokens(dependencies, body)
  const find = () => dependencies.signInMails.findByCode(hashAsker(body.login_token), body.code)
  const by = { address, request_id: requestId }
  const json = await proveByMail(dependencies, { find, by }, (signedIn) =>
    answerSignIn(dependencies, asked, request, signedIn),
  )
  return { status: 200, json }
}
