import type { ClientId } from '@gatehouse/core/brand'
import { newGrantId, newSessionId, newUserId, randomToken } from '@gatehouse/core/random'
import { seconds } from '@gatehouse/core/time'
import type { AuditEventRow, ClientRow, GrantRow, SessionRow, SigningKeyRow, UserRow } from '../rows.ts'

/** When `ManualClock` starts. */
export const start = seconds(1_800_000_000)
const later = (by: number) => seconds(start + by)

/** A user whom nobody else is: for tests. */
export function buildUser(overrides: Partial<UserRow> = {}): UserRow {
  const username = `user-${randomToken(9)}`
  return {
    id: newUserId(),
    username,
    username_canonical: username.toLowerCase(),
    password_hash: null,
    status: 'active',
    scopes: '',
    roles: '',
    created_at: start,
    updated_at: start,
    ...overrides,
  }
}

/** A session that lasts a day. */
export const buildSession = (overrides: Partial<SessionRow> = {}): SessionRow => ({
  id: newSessionId(),
  cookie_hash: null,
  user_id: newUserId(),
  amr: 'pwd',
  acr: '',
  auth_time: start,
  address: '192.0.2.1',
  device: 'curl',
  created_at: start,
  expires_at: later(86_400),
  ...overrides,
})

/** A grant of generation 1 that lasts a day, and an hour if it is not used. */
export const buildGrant = (overrides: Partial<GrantRow> = {}): GrantRow => ({
  id: newGrantId(),
  session_id: newSessionId(),
  user_id: newUserId(),
  client_id: 'web' as ClientId, // any name will do
  scope: 'openid orders:read',
  audience: 'https://auth.example.com',
  roles: '',
  auth_time: start,
  acr: '',
  amr: 'pwd',
  salt: randomToken(16),
  key_id: 'key-1',
  generation: 1,
  created_at: start,
  rotated_at: start,
  idle_expires_at: later(3600),
  expires_at: later(86_400),
  access_expires_at: later(300),
  rotates: 1,
  confirmation: null,
  claims: null,
  authorization_details: null,
  ...overrides,
})

/** An active client without secrets. */
export const buildClient = (overrides: Partial<ClientRow> = {}): ClientRow => ({
  id: `client-${randomToken(9)}` as ClientId, // not `usr_`
  name: 'A client',
  status: 'active',
  auth_method: 'client_secret_basic',
  grant_types: 'client_credentials',
  scopes: 'orders:read',
  audiences: '',
  first_party: 0,
  jwks: null,
  metadata: '{}',
  is_dynamic: 0,
  registration_token_hash: null,
  used_at: null,
  created_at: start,
  updated_at: start,
  ...overrides,
})

/** A key that signs from the start on. */
export const buildSigningKey = (overrides: Partial<SigningKeyRow> = {}): SigningKeyRow => ({
  kid: randomToken(9),
  alg: 'ES256',
  public_jwk: '{}',
  sealed_private_key: 'sealed',
  created_at: start,
  signs_from: start,
  signs_until: null,
  expires_at: null,
  ...overrides,
})

/** A sign-in that succeeded and is not folded. */
export const buildEvent = (
  overrides: Partial<Omit<AuditEventRow, 'id' | 'count'>> = {},
): Omit<AuditEventRow, 'id' | 'count'> => ({
  at: start,
  type: 'sign_in',
  result: 'ok',
  actor: null,
  target: null,
  client_id: null,
  session_id: null,
  address: null,
  request_id: null,
  detail: '{}',
  fold_key: null,
  ...overrides,
})
