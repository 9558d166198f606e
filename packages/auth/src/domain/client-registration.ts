import type { Seconds } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import type { JsonObject } from '@gatehouse/core/json'
import { parseScope } from '@gatehouse/core/scope'
import * as Type from 'typebox'
import { Compile, type Validator } from 'typebox/schema'
import { checkClientMetadata } from './check-client-metadata.ts'
import { parseClientKeys } from './client-keys.ts'
import {
  type AuthMethod,
  authMethods,
  type ClientMetadata,
  clientMetadataMembers,
  type GrantType,
  oneOf,
} from './client-metadata.ts'
import { freeScopes } from './user-claims.ts'

/** What clients that register themselves may have. */
export interface RegistrationPolicy {
  /** `off`: none may; `token`: those that bring an initial access token; `open`: all. */
  readonly mode: 'off' | 'token' | 'open'
  /** Whether a client id may be the address of a document that describes the client. */
  readonly documents: boolean
  /** Scopes that they may ask for, beside those of OpenID Connect. */
  readonly scopes: readonly string[]
  /** Audiences that they may ask for. */
  readonly audiences: readonly string[]
  readonly grantTypes: readonly GrantType[]
  /** Clients that there may be at a time. */
  readonly limit: number
  /** Seconds after which a client that nobody uses is removed. */
  readonly unusedFor: Seconds
  /** Registrations of one address in a minute. */
  readonly perMinute: number
  /** Whether redirects to this machine are fine for web clients too: in development. */
  readonly loopbackRedirects: boolean
}

/** What describes a client and how it proves itself: everything that it may say of itself. */
export const registrationSchema = Type.Object({
  ...clientMetadataMembers,
  token_endpoint_auth_method: Type.Optional(oneOf(authMethods, { description: 'How it proves itself' })),
  grant_types: Type.Optional(Type.Array(Type.String({ maxLength: 100 }), { maxItems: 10 })),
  scope: Type.Optional(Type.String({ maxLength: 4096, description: 'What it may ask for at the most' })),
  jwks: Type.Optional(Type.Object({ keys: Type.Array(Type.Object({}), { maxItems: 20 }) })),
})

/** A client as it has described itself, checked and cut down to what the policy allows. */
export interface RegisteredClient {
  readonly authMethod: AuthMethod
  /** Whether it did not say how it proves itself: it may then send its secret in either way. */
  readonly secretEitherWay: boolean
  readonly grantTypes: readonly GrantType[]
  readonly scopes: readonly string[]
  readonly jwks: { readonly keys: readonly object[] } | undefined
  readonly metadata: ClientMetadata
}

let validator: Validator | undefined
const assertionAlg = 'token_endpoint_auth_signing_alg'
const knownMembers = new Set(Object.keys(registrationSchema.properties))
const apart = new Set(['token_endpoint_auth_method', 'grant_types', 'scope', 'jwks'])

/**
 * Reads what a client says of itself. Members that are not known are left out. Spec: RFC 7591 section 2.
 * Errors: `invalid_redirect_uri`, `invalid_client_metadata`, both with a sentence that names the member.
 */
export function parseRegistration(said: JsonObject, policy: RegistrationPolicy): RegisteredClient {
  const known = Object.fromEntries(
    Object.entries(said).filter(([name, value]) => knownMembers.has(name) && value !== null),
  )
  // Who makes no assertions may name any algorithm for them: it is not kept (RFC 7591 section 2).
  if (!/^(?:private_key|client_secret)_jwt$/.test(String(said.token_endpoint_auth_method))) delete known[assertionAlg]
  validator ??= Compile(registrationSchema)
  if (!validator.Check(known)) {
    const [, [first]] = validator.Errors(known)
    throw bad(
      `${first?.instancePath.slice(1).split('/')[0] || 'metadata'}: ${first?.message ?? 'not of the right form'}`,
    )
  }
  const registration = known as Type.Static<typeof registrationSchema> // the validator has said so
  const authMethod = registration.token_endpoint_auth_method ?? 'client_secret_basic'
  const grantTypes = checkGrantTypes(registration.grant_types ?? ['authorization_code'], authMethod, policy)
  const jwks = registration.jwks && checkKeys(registration.jwks)
  const metadata: ClientMetadata = Object.fromEntries(Object.entries(registration).filter(([name]) => !apart.has(name)))
  const { loopbackRedirects } = policy
  const hasKeys = jwks !== undefined
  checkClientMetadata(metadata, {
    ...{ authMethod, grantTypes, hasKeys, loopbackRedirects },
    loopbackRequests: loopbackRedirects,
  })
  // The hybrid flow is a permission, which nobody gives themselves.
  if (metadata.response_types?.some((type) => type !== 'code')) throw bad('response_types: code is supported')
  const secretEitherWay = registration.token_endpoint_auth_method === undefined
  return { authMethod, secretEitherWay, grantTypes, jwks, metadata, scopes: allowedScopes(registration.scope, policy) }
}

function checkGrantTypes(
  asked: readonly string[],
  authMethod: AuthMethod,
  policy: RegistrationPolicy,
): readonly GrantType[] {
  const allowed = policy.grantTypes.filter((type) => asked.includes(type))
  if (allowed.length < new Set(asked).size)
    throw bad('grant_types: one of them is not open to clients that register themselves')
  if (authMethod === 'none' && allowed.includes('client_credentials')) {
    throw bad('grant_types: a public client cannot use client_credentials')
  }
  return allowed
}

function checkKeys(jwks: { readonly keys: readonly object[] }): { readonly keys: readonly object[] } {
  try {
    parseClientKeys(jwks)
    return jwks
  } catch (error) {
    if (error instanceof GatehouseError) throw bad(`jwks: ${error.message}`)
    throw error
  }
}

/** Every scope that clients which register themselves may ask for. */
export const openScopes = ({ scopes }: RegistrationPolicy): readonly string[] => [...freeScopes, ...scopes]

/** What of the asked scope the policy allows; all of it where nothing is asked. */
function allowedScopes(asked: string | undefined, policy: RegistrationPolicy): readonly string[] {
  const allowed = openScopes(policy)
  if (asked === undefined) return allowed
  const parsed = parseScope(asked)
  if (!parsed) throw bad('scope: not a list of scope tokens')
  return [...parsed].filter((scope) => allowed.includes(scope))
}

const bad = (description: string): GatehouseError => new GatehouseError('invalid_client_metadata', { description })
