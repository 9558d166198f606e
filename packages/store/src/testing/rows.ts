import type { ClientId } from '@gatehouse/core/brand'
import {
  newDecisionId,
  newGrantId,
  newOrganisationId,
  newSessionId,
  newUserId,
  randomToken,
} from '@gatehouse/core/random'
import { seconds } from '@gatehouse/core/time'
import type {
  AuditEventRow,
  AuthorizationCodeRow,
  ClientRow,
  ConsentRow,
  DecoupledRequestRow,
  FactorRow,
  FlowRow,
  GrantRow,
  LinkedIdentityRow,
  LogoutDeliveryRow,
  MailedProofRow,
  MailRow,
  MembershipRow,
  OrganisationInvitationRow,
  OrganisationRow,
  ProviderSessionRow,
  ProviderSignInRow,
  ProviderTokenRow,
  PushedRequestRow,
  RefusalRow,
  SessionClientRow,
  SessionRow,
  SigningKeyRow,
  UserRow,
} from '../rows.ts'

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
    email: null,
    email_canonical: null,
    email_verified_at: null,
    name: null,
    locale: null,
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
  used_at: null,
  proven_at: null,
  organisation_id: null,
  provider_session: null,
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
  role_scope: '',
  organisation_id: null,
  factor_at: null,
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

/** A code that is good for a minute. */
export const buildCode = (overrides: Partial<AuthorizationCodeRow> = {}): AuthorizationCodeRow => ({
  hash: randomToken(32),
  client_id: 'web' as ClientId, // any name will do
  user_id: newUserId(),
  session_id: newSessionId(),
  grant_id: newGrantId(),
  redirect_uri: 'https://app.example.com/cb',
  code_challenge: randomToken(32),
  nonce: null,
  scope: 'openid',
  audience: 'https://auth.example.com',
  roles: '',
  claims: null,
  authorization_details: null,
  dpop_jkt: null,
  auth_time: start,
  acr: '1',
  amr: 'pwd',
  refreshable: 0,
  created_at: start,
  usable_until: later(60),
  consumed_at: null,
  reused_at: null,
  session_expires_at: later(86_400),
  expires_at: later(60),
  role_scope: '',
  organisation_id: null,
  membership_version: null,
  factor_at: null,
  ...overrides,
})

/** An authenticator app of a user who has nothing else. */
export const buildFactor = (overrides: Partial<FactorRow> = {}): FactorRow => ({
  id: randomToken(12),
  user_id: newUserId(),
  kind: 'totp',
  name: 'App',
  sealed_secret: null,
  credential_id: null,
  public_key: null,
  sign_count: 0,
  transports: '',
  backed_up: 0,
  last_step: null,
  created_at: start,
  last_used_at: null,
  ...overrides,
})

/** A flow of a browser that has no other. */
export const buildFlow = (overrides: Partial<FlowRow> = {}): FlowRow => ({
  id_hash: randomToken(32),
  kind: 'authorize',
  browser_hash: randomToken(32),
  client_id: 'web' as ClientId, // any name will do
  parameters: '{"scope":"openid"}',
  user_id: null,
  proven: '',
  provider_session: null,
  session_id: null,
  created_at: start,
  expires_at: later(1800),
  ...overrides,
})

/** A pushed request that waits for five minutes. */
export const buildPushedRequest = (overrides: Partial<PushedRequestRow> = {}): PushedRequestRow => ({
  hash: randomToken(32),
  client_id: 'web' as ClientId, // any name will do
  parameters: '{}',
  dpop_jkt: null,
  created_at: start,
  expires_at: later(300),
  ...overrides,
})

/** A user's consent to one scope. */
export const buildConsent = (overrides: Partial<ConsentRow> = {}): ConsentRow => ({
  user_id: newUserId(),
  client_id: `client-${randomToken(9)}` as ClientId, // not `usr_`
  organisation_id: null,
  scope: 'openid',
  audience: 'https://auth.example.com',
  authorization_details: null,
  granted_at: start,
  ...overrides,
})

/** A client that knows of a session nobody else knows of. */
export const buildSessionClient = (overrides: Partial<SessionClientRow> = {}): SessionClientRow => ({
  session_id: newSessionId(),
  client_id: 'web' as ClientId, // any name will do
  subject: newUserId(),
  sid: randomToken(16),
  expires_at: later(86_400),
  ...overrides,
})

/** A device's request that nobody has decided on, good for ten minutes. */
export const buildDecoupledRequest = (overrides: Partial<DecoupledRequestRow> = {}): DecoupledRequestRow => ({
  hash: randomToken(32),
  kind: 'device',
  user_code_hash: randomToken(32),
  client_id: 'tv' as ClientId, // any name will do
  user_id: null,
  scope: 'openid orders:read',
  audience: 'https://auth.example.com',
  authorization_details: null,
  binding_message: null,
  status: 'pending',
  session_id: null,
  auth_time: null,
  acr: null,
  amr: null,
  roles: null,
  grant_id: newGrantId(),
  sealed_notification_token: null,
  poll_interval: 5,
  polled_at: null,
  address: '192.0.2.1',
  created_at: start,
  usable_until: later(600),
  expires_at: later(1200),
  role_scope: '',
  organisation_id: null,
  membership_version: null,
  factor_at: null,
  ...overrides,
})

/** A logout token that is due at once. */
export const buildLogoutDelivery = (overrides: Partial<LogoutDeliveryRow> = {}): LogoutDeliveryRow => ({
  id: randomToken(16),
  client_id: `client-${randomToken(9)}` as ClientId, // not `usr_`
  subject: newUserId(),
  sid: randomToken(16),
  attempts: 0,
  next_attempt_at: start,
  created_at: start,
  expires_at: later(86_400),
  ...overrides,
})

/** A mail that is due at once. */
export const buildMail = (overrides: Partial<MailRow> = {}): MailRow => ({
  id: randomToken(16),
  channel: 'mail',
  kind: 'sign_up',
  user_id: null,
  sealed: 'sealed',
  attempts: 0,
  next_attempt_at: start,
  created_at: start,
  delivered_at: null,
  expires_at: later(86_400),
  ...overrides,
})

/** A link that a new user has been mailed, good for a quarter of an hour. */
export const buildMailedProof = (overrides: Partial<MailedProofRow> = {}): MailedProofRow => ({
  hash: randomToken(32),
  purpose: 'sign_up',
  address: `${randomToken(9).toLowerCase()}@example.com`,
  user_id: null,
  code_mac: null,
  browser_hash: null,
  sealed: null,
  created_at: start,
  expires_at: later(900),
  ...overrides,
})

/** An organisation that nobody belongs to. */
export const buildOrganisation = (overrides: Partial<OrganisationRow> = {}): OrganisationRow => {
  const slug = `org-${randomToken(9).toLowerCase()}`
  return { id: newOrganisationId(), name: slug, slug, status: 'active', created_at: start, ...overrides }
}

/** A member without roles. */
export const buildMembership = (overrides: Partial<MembershipRow> = {}): MembershipRow => ({
  organisation_id: newOrganisationId(),
  user_id: newUserId(),
  roles: '',
  version: randomToken(9),
  created_at: start,
  ...overrides,
})

/** An invitation that is good for a week. */
export const buildOrganisationInvitation = (
  overrides: Partial<OrganisationInvitationRow> = {},
): OrganisationInvitationRow => ({
  organisation_id: newOrganisationId(),
  email: `${randomToken(9).toLowerCase()}@example.com`,
  hash: randomToken(32),
  roles: '',
  invited_by: newUserId(),
  created_at: start,
  expires_at: later(604_800),
  ...overrides,
})

/** A sign-in that is under way at a provider, for ten minutes. */
export const buildProviderSignIn = (overrides: Partial<ProviderSignInRow> = {}): ProviderSignInRow => ({
  state_hash: randomToken(32),
  provider: 'corp',
  browser_hash: randomToken(32),
  sealed: 'sealed',
  answer: null,
  created_at: start,
  expires_at: later(600),
  ...overrides,
})

/** Somebody at a provider who is a user here. */
export const buildLinkedIdentity = (overrides: Partial<LinkedIdentityRow> = {}): LinkedIdentityRow => ({
  provider: 'corp',
  subject: randomToken(9),
  user_id: newUserId(),
  label: 'alice@corp.example',
  given_roles: '',
  given_organisation: null,
  gave_membership: 0,
  given_organisation_roles: '',
  created_at: start,
  last_used_at: start,
  ...overrides,
})

/** A session at a provider, for a day. */
export const buildProviderSession = (overrides: Partial<ProviderSessionRow> = {}): ProviderSessionRow => ({
  id: randomToken(16),
  provider: 'corp',
  subject: randomToken(9),
  sid: randomToken(9),
  sealed: null,
  checked_at: start,
  heard_at: start,
  expires_at: later(86_400),
  ...overrides,
})

/** Tokens that a provider gave. */
export const buildProviderToken = (overrides: Partial<ProviderTokenRow> = {}): ProviderTokenRow => ({
  provider: 'corp',
  subject: randomToken(9),
  user_id: newUserId(),
  sealed: 'sealed',
  version: randomToken(16),
  updated_at: start,
  ...overrides,
})

/** A refusal by a condition of a rule. */
export const buildRefusal = (overrides: Partial<RefusalRow> = {}): RefusalRow => ({
  id: newDecisionId(),
  request_id: 'req_1',
  code: 'forbidden',
  status: 403,
  route: 'orders /orders/{id}',
  method: 'GET',
  host: 'auth.example.com',
  path: '/orders/7',
  address: '192.0.2.1',
  subject: 'usr_1',
  client_id: 'web',
  rule: 'require.when[0]',
  reason: 'this is false: principal.org == path.org',
  needed: 'a valid token, and what makes this true: principal.org == path.org',
  at: start,
  expires_at: later(86_400),
  ...overrides,
})
