import { paths } from '@gatehouse/core/paths'
import type { AuthorizationFlow } from '../flow/authorization.ts'
import type { AddressLimit } from '../http/address-limit.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { parseForm } from '../http/read-body.ts'
import { renderErrorPage } from '../pages/error-page.ts'
import { authorizationParameters, type RequestParameters } from './authorization-request.ts'
import { refuseAuthorization } from './authorization-response.ts'
import { askAgainWithCookies } from './form-from-elsewhere.ts'
import type { JarmDependencies } from './jarm.ts'
import {
  pushedRequestPrefix,
  type ReadRequestDependencies,
  readAuthorizationRequest,
} from './read-authorization-request.ts'

interface Dependencies extends ReadRequestDependencies, JarmDependencies {
  readonly authorization: AuthorizationFlow
  /** What a stranger begins here, by address. */
  readonly beginnings: AddressLimit
}

/**
 * The authorization endpoint, by GET and by POST. Spec: RFC 6749 section 3.1, OpenID Connect Core section 3.1.2.
 * What is wrong is told to the client by a redirect, as soon as it is certain whom that reaches; before, on a page.
 */
export function authorizeEndpoints(dependencies: Dependencies): readonly Endpoint[] {
  const authorize = async (request: EndpointRequest<unknown>, parameters: RequestParameters): Promise<Answer> => {
    const { request_uri: uri } = parameters
    // It is fetched, each time that somebody asks.
    if (uri !== undefined && !uri.startsWith(pushedRequestPrefix)) dependencies.beginnings.take(request.address)
    const read = await readAuthorizationRequest(dependencies, parameters)
    if ('request' in read) return dependencies.authorization.proceed({ request: read.request, http: request })
    return refuseAuthorization(dependencies, read.target, read.error, request)
  }
  const described = {
    path: paths.authorize,
    spec: 'RFC 6749 section 3.1',
    answers: { 303: null, 200: null },
    errors: ['invalid_request', 'invalid_request_uri', 'too_many_requests', 'temporarily_unavailable'] as const,
    errorPage: renderErrorPage,
  }
  return [
    defineEndpoint({
      ...described,
      method: 'GET',
      summary: 'Asks the user to sign in and to agree, and sends a code to the client',
      query: authorizationParameters,
      bodyKind: 'none',
      handle: (request) => authorize(request, parseForm(request.query)),
    }),
    defineEndpoint({
      ...described,
      method: 'POST',
      summary: 'The same, with the parameters in a form',
      bodyKind: 'form',
      body: authorizationParameters,
      refuseQuery: true,
      handle: (request) =>
        askAgainWithCookies(request.headers, paths.authorize, request.body) ?? authorize(request, request.body),
    }),
  ]
}
