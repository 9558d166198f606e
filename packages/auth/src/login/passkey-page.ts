import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import * as Type from 'typebox'
import { answerLength, parseAssertion } from '../domain/passkey-answers.ts'
import { requestOptionsSchema } from '../domain/passkey-options.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { checkSameOrigin } from '../http/same-origin.ts'
import { renderErrorPage } from '../pages/error-page.ts'
import { goOnOrAsk, takeSignIn } from './go-on.ts'
import { type PasskeyDependencies, proveByPasskey } from './passkey.ts'
import { showSignIn } from './show-sign-in.ts'
import type { SignInPageDependencies } from './sign-in-page.ts'

interface Dependencies extends SignInPageDependencies, PasskeyDependencies {}

const formSchema = Type.Object({
  flow: Type.String(),
  answer: Type.String({ maxLength: answerLength, description: 'The assertion as JSON' }),
})

/** What the sign-in page needs for passkeys: a challenge, fetched by its script when it is needed, and where the answer goes. */
export function passkeyPageEndpoints(dependencies: Dependencies): readonly Endpoint[] {
  return [
    defineEndpoint({
      method: 'POST',
      path: paths.loginPasskeyBegin,
      summary: 'What the sign-in page asks the browser for a passkey with',
      spec: 'WebAuthn Level 3 section 5.5',
      bodyKind: 'json',
      body: Type.Object({ flow: Type.String() }),
      answers: { 200: Type.Object({ public_key: requestOptionsSchema }) },
      errors: ['invalid_request', 'forbidden', 'not_found', 'temporarily_unavailable'],
      refuseQuery: true,
      async handle(request) {
        checkSameOrigin(request.headers, dependencies.issuer)
        const flow = await dependencies.flows.get(request, request.body.flow)
        return { status: 200, json: { public_key: await dependencies.passkeys.beginAssertion({ flow: flow.id }) } }
      },
    }),
    defineEndpoint({
      method: 'POST',
      path: paths.loginPasskeyForm,
      summary: 'Signs in by a passkey on that page',
      spec: 'WebAuthn Level 3 section 7.2',
      bodyKind: 'form',
      body: formSchema,
      answers: { 200: null, 303: null },
      errors: ['invalid_request', 'forbidden', 'not_found', 'temporarily_unavailable'],
      refuseQuery: true,
      errorPage: renderErrorPage,
      handle: (request) => signIn(dependencies, request),
    }),
  ]
}

async function signIn(
  dependencies: Dependencies,
  request: EndpointRequest<Type.Static<typeof formSchema>>,
): Promise<Answer> {
  const { body, headers, address, requestId, look } = request
  checkSameOrigin(headers, dependencies.issuer)
  const flow = await dependencies.flows.get(request, body.flow)
  const assertion = parseAssertion(body.answer)
  if (!assertion) throw new GatehouseError('invalid_request', { description: 'The answer is not a passkey’s' })
  const tried = { assertion, place: { flow: flow.id }, by: { address, request_id: requestId } }
  try {
    const taken = await proveByPasskey(dependencies, tried, (signedIn) =>
      takeSignIn(dependencies, request, flow, signedIn),
    )
    return await goOnOrAsk(dependencies, request, flow, taken)
  } catch (error) {
    if (!(error instanceof GatehouseError) || error.code !== 'invalid_credentials') throw error
    return showSignIn(dependencies, look, flow, { error: 'passkey.wrong', status: error.status })
  }
}
