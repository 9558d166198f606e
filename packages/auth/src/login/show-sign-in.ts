import { paths } from '@gatehouse/core/paths'
import { mailedMethods } from '../domain/sign-in-methods.ts'
import type { SignUpPolicy } from '../domain/sign-up.ts'
import { isOpen } from '../domain/sign-up.ts'
import type { Federation } from '../federation/federation.ts'
import type { UnknownPerson } from '../federation/outside-people.ts'
import type { ProviderFailureReason } from '../federation/provider-failure.ts'
import type { ProviderSettings } from '../federation/provider-settings.ts'
import type { AuthorizationFlow } from '../flow/authorization.ts'
import type { Flow } from '../flow/flows.ts'
import type { Answer, BrowserRequest } from '../http/endpoint.ts'
import type { MessageKey } from '../messages/catalogue.ts'
import type { Look } from '../pages/look.ts'
import { renderSignIn, type SignInPage } from '../pages/sign-in.ts'
import type { OfferedMethods } from './offered-methods.ts'
import { failureTexts } from './provider-failure-texts.ts'

/** What the page on which people sign in is shown with. */
export interface ShownSignInDependencies extends OfferedMethods {
  readonly signUpPolicy: () => SignUpPolicy
  /** Whether people can be sent mails. */
  readonly canSend: boolean
  readonly federation: Federation
  readonly authorization: AuthorizationFlow
}

/** What is told on the page when a try has failed. */
export interface FailedTry {
  readonly username?: string
  readonly error?: MessageKey
  /** Which provider the error is about. */
  readonly about?: string
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly cookies?: readonly string[]
}

/** The page of a flow, for the first time or after a try. */
export async function showSignIn(
  dependencies: ShownSignInDependencies,
  look: Look,
  flow: Flow,
  { error, about, ...failed }: FailedTry = {},
): Promise<Answer> {
  const described = await describe(dependencies, flow)
  return renderSignIn(look, {
    ...{ flow: flow.id, offers: offersOf(dependencies), providers: buttonsOf(dependencies) },
    ...{ ...described, ...failed },
    // A name whose provider is known is sent there by the form.
    leadsAnywhere: dependencies.federation.providers.list().some(({ domains }) => domains.length > 0),
    error: error && look.text(error, about === undefined ? {} : { provider: about }),
  })
}

/**
 * The same page in place of what came back from a provider: what leads back to it must not bring that again, nor have it stand
 * in the page.
 */
export const lookAtSignIn = (look: Look, { id }: Flow): Look =>
  look.here === undefined ? look : { ...look, here: `${paths.login}?flow=${id}&others=yes` }

/** The page of a flow whose sign-in at a provider came to nothing: the other ways are still there. */
export function showProviderFailure(
  dependencies: ShownSignInDependencies,
  { look }: Pick<BrowserRequest, 'look'>,
  flow: Flow,
  { title: about }: Pick<ProviderSettings, 'title'>,
  why: ProviderFailureReason | UnknownPerson,
): Promise<Answer> {
  const { key, status } = failureTexts[why]
  return showSignIn(dependencies, lookAtSignIn(look, flow), flow, { error: key, about, status })
}

/** What can be done on the page. */
function offersOf({ signInMethods, signUpPolicy, canSend }: ShownSignInDependencies): SignInPage['offers'] {
  const methods = signInMethods()
  return {
    password: methods.has('password'),
    passkey: methods.has('passkey'),
    mail: canSend && mailedMethods.some((method) => methods.has(method)),
    recovery: canSend && methods.has('password'),
    signUp: canSend && isOpen(signUpPolicy()),
  }
}

/** A provider that has not answered lately is shown as such, and nobody waits for it. */
const buttonsOf = ({ federation }: ShownSignInDependencies): SignInPage['providers'] =>
  federation.providers
    .list()
    .filter(({ hasButton }) => hasButton)
    .map(({ name, title }) => ({ name, title, isAvailable: federation.providers.isAvailable(name) }))

/** For whom one signs in, as whom perhaps, and where it may lead. */
async function describe(
  { authorization }: Pick<ShownSignInDependencies, 'authorization'>,
  flow: Flow,
): Promise<{ client?: string; username?: string | undefined; leadsTo: readonly string[] }> {
  if (flow.kind !== 'authorize') return { leadsTo: [] }
  const request = authorization.requestOf(flow)
  const client = await authorization.getClient(request)
  return { client: client.name ?? client.id, username: request.loginHint, leadsTo: [request.redirectUri] }
}
