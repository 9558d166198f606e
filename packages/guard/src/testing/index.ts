import { randomUUID } from 'node:crypto'
import { seconds } from '@gatehouse/core/time'
import { accessTokenType, identityTokenType } from '@gatehouse/core/wire-names'
import { assembleGuard, type Guard } from '../guard.ts'
import { type GuardOptions, parseGuardOptions } from '../guard-options.ts'
import { type BoundRequest, digestRequest } from '../request-binding.ts'
import { createRevocationSet } from '../revocations.ts'
import { systemClock } from '../system-clock.ts'
import { createTestSigner } from './test-issuer.ts'

/** Who a token is to be for. What is left out is what a signed-in user of an app usually has. */
export interface TestPrincipal {
  /** A user's id (`usr_…`), or a client's where it acts on its own behalf; some user unless said otherwise. */
  readonly subject?: string
  /** The client through which the call is made: `test-app`, or the subject where that is a client. */
  readonly clientId?: string
  readonly scopes?: readonly string[]
  readonly roles?: readonly string[]
  /** The session and the grant of a user: new ones unless said otherwise. */
  readonly session?: string
  readonly grant?: string
  readonly org?: string
  readonly acr?: string
  readonly amr?: readonly string[]
  /** When the user proved who they are: seconds since 1970. */
  readonly authTime?: number
  /** Seconds from now; 300 unless said otherwise, below 0 for a token that has expired. */
  readonly expiresIn?: number
  /** Another audience than the issuer's usual one. */
  readonly audience?: string | readonly string[]
  /** `identity`: what the gateway hands to the service in place of the client's token. */
  readonly type?: 'access' | 'identity'
  /** With `type: 'identity'`: the one request that it is good for, as a route with `identity: { bind: request }` has it. */
  readonly request?: BoundRequest
  /** Who acts for the subject, the last one first, as client ids. */
  readonly actors?: readonly string[]
  /** Further claims, or others in place of those above; `undefined` leaves one out. */
  readonly claims?: Readonly<Record<string, unknown>>
}

/** An issuer for unit tests: it signs whatever is asked for, and its guards need no network. */
export interface TestIssuer {
  readonly issuer: string
  /** A guard that trusts this issuer and follows what it revokes; for the usual audience unless said otherwise. */
  guard(
    options?: Pick<GuardOptions, 'dpop' | 'onRefusal' | 'clock'> & { readonly audience?: GuardOptions['audience'] },
  ): Guard
  /** A signed token. */
  token(principal?: TestPrincipal): string
  /** The request headers of somebody who calls with such a token. */
  headers(principal?: TestPrincipal): { readonly authorization: string }
  /** Revokes the session of a token, or the token itself where it has none: its guards refuse it from now on. */
  revoke(token: string): void
}

/**
 * Makes an issuer that lives within a test, with a key of its own. Nothing listens anywhere, and no guard but its own
 * trusts it. `audience` is that of the service under test. `clock`: by which it signs and its guards judge; a test that stops the time
 * gives it here.
 */
export function createTestIssuer({
  audience,
  issuer = 'https://auth.test',
  clock = systemClock,
}: {
  readonly audience: string
  readonly issuer?: string
  readonly clock?: NonNullable<GuardOptions['clock']>
}): TestIssuer {
  const signer = createTestSigner(randomUUID())
  const revocations = createRevocationSet()
  const keys = {
    find: (kid: string) => (kid === signer.key.kid ? signer.key : undefined),
    ready: () => undefined,
    refetch: async () => false,
  }
  const feed = {
    isCurrent: true,
    lastFailure: undefined,
    isRevoked: revocations.isRevoked.bind(revocations),
    close() {},
  }
  const test: TestIssuer = {
    issuer,
    guard: (options = {}) =>
      assembleGuard(parseGuardOptions({ issuer, audience, clock, onRefusal: () => undefined, ...options }), {
        keys,
        feed,
        introspection: undefined,
      }),
    token({ type = 'access', ...principal } = {}) {
      const typ = type === 'access' ? accessTokenType : identityTokenType
      return signer.token(
        {
          ...buildClaims(principal, clock.now()),
          iss: issuer,
          aud: principal.audience ?? audience,
          ...principal.claims,
        },
        { typ },
      )
    },
    headers: (principal) => ({ authorization: `Bearer ${test.token(principal)}` }),
    revoke(token) {
      const { sid, jti } = readClaims(token)
      const named = sid === undefined ? ({ kind: 'jti', value: jti } as const) : ({ kind: 'sid', value: sid } as const)
      revocations.add([{ ...named, issued_before: null, expires_at: seconds(Number.MAX_SAFE_INTEGER) }])
    },
  }
  return test
}

/** The claims of a principal; `undefined` where the signer's own good claims are not wanted. */
function buildClaims({ subject = 'usr_test', ...principal }: TestPrincipal, now: number): Record<string, unknown> {
  const isUser = subject.startsWith('usr_')
  const { authTime = now, acr = 'urn:gatehouse:1', amr = ['pwd'] } = principal
  return {
    sub: subject,
    client_id: principal.clientId ?? (isUser ? 'test-app' : subject),
    scope: (principal.scopes ?? []).join(' '),
    roles: principal.roles,
    iat: now - (principal.expiresIn !== undefined && principal.expiresIn < 0 ? 3600 : 0),
    exp: now + (principal.expiresIn ?? 300),
    jti: randomUUID(),
    sid: principal.session ?? (isUser ? randomUUID() : undefined),
    gid: principal.grant ?? (isUser ? randomUUID() : undefined),
    org: principal.org,
    cnf: principal.request && { 'req#S256': digestRequest(principal.request) },
    act: (principal.actors ?? []).reduceRight<object | undefined>(
      (act, sub) => ({ sub, ...(act && { act }) }),
      undefined,
    ),
    ...(isUser ? { auth_time: authTime, acr, amr } : { auth_time: undefined, acr: undefined, amr: undefined }),
  }
}

/** The claims of a token of our own. */
const readClaims = (token: string): { readonly sid?: string; readonly jti: string } =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { sid?: string; jti: string }
