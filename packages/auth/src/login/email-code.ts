import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import * as Type from 'typebox'
import { proofLifetimes } from '../domain/mailed-proofs.ts'
import type { RememberedDevices } from '../domain/remembered-devices.ts'
import type { AuthorizationFlow } from '../flow/authorization.ts'
import type { Flow } from '../flow/flows.ts'
import type { Cookies } from '../http/cookies.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { checkSameOrigin } from '../http/same-origin.ts'
import type { MessageKey } from '../messages/catalogue.ts'
import { renderMailedCode } from '../pages/mailed-sign-in.ts'
import { findAsker } from './browser-asker.ts'
import { type CompletionDependencies, goOnOrAsk, takeSignIn } from './go-on.ts'
import { mailedPage } from './mailed-page.ts'
import { checkOffered } from './offered-methods.ts'
import { type MailedSignInDependencies, proveByMail } from './prove-by-mail.ts'
import { targetsOf } from './second-factor.ts'

interface Dependencies extends MailedSignInDependencies, CompletionDependencies {
  readonly issuer: string
  readonly cookies: Cookies
  readonly rememberedDevices: RememberedDevices
  readonly authorization: AuthorizationFlow
}

const formSchema = Type.Object({
  flow: Type.String(),
  code: Type.Optional(Type.String({ maxLength: 20 })),
})

type CodeForm = Type.Static<typeof formSchema>

/** Signs in by a code from a mail, in the browser that asked for it. One factor, like a password. */
export const emailCodeEndpoint = (dependencies: Dependencies): Endpoint =>
  defineEndpoint({
    ...mailedPage,
    method: 'POST',
    path: paths.loginEmailCode,
    summary: 'Signs in by a code from a mail',
    bodyKind: 'form',
    body: formSchema,
    refuseQuery: true,
    handle: (request) => signIn(dependencies, request),
  })

async function signIn(dependencies: Dependencies, request: EndpointRequest<CodeForm>): Promise<Answer> {
  const { issuer, flows, signInMails, rememberedDevices } = dependencies
  const { body, headers, address, requestId } = request
  checkSameOrigin(headers, issuer)
  checkOffered(dependencies, 'email_code')
  const flow = await flows.get(request, body.flow)
  const asker = findAsker(dependencies, headers) ?? ''
  const outcome = await proveByMail(
    dependencies,
    {
      find: () => signInMails.findByCode(asker, body.code ?? ''),
      by: { address, request_id: requestId },
      isRemembered: (user) => rememberedDevices.isRemembered(headers, user),
    },
    (judged) => takeSignIn(dependencies, request, flow, judged),
  ).catch((error: unknown) => refusal(error))
  return 'error' in outcome
    ? showAgain(dependencies, request, flow, outcome.error)
    : goOnOrAsk(dependencies, request, flow, outcome)
}

/** What people are told; programs have the codes. */
const sentences: Readonly<Record<string, MessageKey>> = {
  invalid_credentials: 'mail_sign_in.wrong',
  too_many_requests: 'mail_sign_in.too_many',
}

function refusal(error: unknown): { readonly error: GatehouseError } {
  if (error instanceof GatehouseError && error.code in sentences) return { error }
  throw error
}

function showAgain(
  dependencies: Dependencies,
  { look }: EndpointRequest<CodeForm>,
  flow: Flow,
  { code, status, details }: GatehouseError,
): Answer {
  const seconds = details.retryAfter
  return renderMailedCode(look, {
    flow: flow.id,
    minutes: proofLifetimes.sign_in_code / 60,
    leadsTo: targetsOf(dependencies, flow),
    error: look.text(sentences[code] ?? 'mail_sign_in.wrong', { minutes: Math.ceil((seconds ?? 60) / 60) }),
    status,
    ...(seconds === undefined ? {} : { headers: { 'retry-after': String(Math.ceil(seconds)) } }),
  })
}
