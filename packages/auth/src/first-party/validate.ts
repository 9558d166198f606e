import { isRefusal, type RefusalReason, type VerifiedToken } from '@gatehouse/core/contracts'
import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import { missingScopes } from '@gatehouse/core/scope'
import type { AccessTokenVerifier } from '@gatehouse/guard/access-token'
import * as Type from 'typebox'
import type { Client } from '../domain/clients.ts'
import { isSealedToken } from '../domain/sealed-tokens.ts'
import type { AddressLimit } from '../http/address-limit.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import type { ClientAuthentication } from '../protocol/client-auth/client-auth.ts'
import { parseAskedScope } from '../protocol/token.ts'

const bodySchema = Type.Object({
  token: Type.String(),
  audience: Type.Optional(
    Type.String({ description: 'Who asks: the token must be for this audience. Always send it' }),
  ),
  scope: Type.Optional(Type.String({ description: 'Scope tokens that the token must all have' })),
})

interface ValidateBody {
  readonly token: string
  readonly audience?: string
  readonly scope?: string
}

interface Dependencies {
  readonly verifier: AccessTokenVerifier
  readonly failures: AddressLimit
  readonly clientAuthentication: ClientAuthentication
  /** Whether callers must authenticate as clients. */
  readonly requireClient: () => boolean
  readonly onValidated: (reason: RefusalReason | 'valid') => void
}

/**
 * POST /validate: is this access token good, now, for this audience and scope? Always 200; `valid` says it.
 * A bound token is told of with its `cnf`: that whoever has sent it holds the key is for the caller to check, who sees the
 * request. It tells nothing that a signed token does not carry, so it is open for those unless configured otherwise. A sealed
 * token is told of only to an authenticated client that answers for its audience: whoever carries it, and a client to which
 * its user is known by another name, must not learn here what it was sealed for.
 * Cost: nothing is read; one signature check for a token that has not been seen.
 */
export function validateEndpoint(dependencies: Dependencies): Endpoint {
  const { clientAuthentication, requireClient } = dependencies
  return defineEndpoint({
    method: 'POST',
    path: paths.validate,
    summary: 'Says whether an access token is valid, and what it says',
    bodyKind: 'json',
    body: bodySchema,
    answers: { 200: Type.Object({ valid: Type.Boolean(), reason: Type.Optional(Type.String()) }) },
    errors: ['invalid_request', 'invalid_client', 'too_many_requests'],
    cors: 'none',
    handle(request) {
      if (request.headers.authorization === undefined && !requireClient())
        return validate(dependencies, request, undefined)
      const client = clientAuthentication.authenticate(request, {})
      return client instanceof Promise
        ? client.then((found) => validate(dependencies, request, found))
        : validate(dependencies, request, client)
    },
  })
}

function validate(
  { verifier, failures, onValidated }: Dependencies,
  { body, address }: EndpointRequest<ValidateBody>,
  client: Client | undefined,
): Answer {
  // A service that asks for its users must not be shut out by one of them: it authenticates, and is not limited.
  if (client === undefined && failures.isOver(address))
    throw new GatehouseError('too_many_requests', { retryAfter: failures.retryAfter })
  const asked = parseAskedScope(body.scope)
  const isSealed = isSealedToken(body.token)
  if (isSealed && client === undefined) throw new GatehouseError('invalid_client')
  const audiences = isSealed ? ownAudiencesFor(body.audience, client) : audiencesFor(body.audience, client)
  const verified = verifier.verify(body.token, audiences, 'not_presented')
  if (isRefusal(verified)) {
    if (verified.refused === 'bad_signature') failures.count(address)
    onValidated(verified.refused)
    return { status: 200, json: { valid: false, reason: verified.refused } }
  }
  if (asked !== undefined && missingScopes(asked, verified.scopes).length > 0) {
    onValidated('insufficient_scope')
    return { status: 200, json: { valid: false, reason: 'insufficient_scope' } }
  }
  onValidated('valid')
  return { status: 200, text: validText(verified) }
}

/** An authenticated service that names no audience asks for its own. */
function audiencesFor(asked: string | undefined, client: Client | undefined): readonly string[] | undefined {
  if (asked !== undefined) return [asked]
  return client && client.answersFor.size > 0 ? [...client.answersFor] : undefined
}

/** As {@link audiencesFor}, and none that the client does not answer for. */
function ownAudiencesFor(asked: string | undefined, client: Client | undefined): readonly string[] {
  if (client === undefined || client.subjectType === 'pairwise') return []
  return [...client.answersFor].filter((audience) => asked === undefined || asked === audience)
}

/** The answer for a valid token. What a token says never changes, so its text is made once; whether it is valid is not kept. */
const validText = ({ memo, claims }: VerifiedToken): string => {
  // Copying the claims into an object with one member more takes twice as long as writing them.
  memo.validation ??= `{"valid":true,${JSON.stringify(claims).slice(1)}`
  return memo.validation
}
