import type { OrganisationId } from '@gatehouse/core/brand'
import type { Generated } from 'kysely'
import type {
  AuditEventRow,
  AuthorizationCodeRow,
  ClientRow,
  ClientSecretRow,
  ConsentRow,
  DataKeyRow,
  DecoupledRequestRow,
  FactorRow,
  FamiliarAddressRow,
  FlowRow,
  GrantRow,
  InitialAccessTokenRow,
  KeptFormRow,
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
  RecoveryCodeRow,
  RefusalRow,
  RememberedDeviceRow,
  RevocationRow,
  SessionClientRow,
  SessionRow,
  SetupTokenRow,
  SignInFailureRow,
  SigningKeyRow,
  UsedIdentifierRow,
  UserRow,
} from './rows.ts'

/** Every table and its row type, as the query builder sees them. */
export interface Schema {
  readonly users: UserRow
  readonly sessions: SessionRow
  readonly grants: GrantRow
  readonly clients: ClientRow
  readonly client_secrets: ClientSecretRow
  readonly signing_keys: SigningKeyRow
  readonly data_keys: DataKeyRow
  readonly revocations: Omit<RevocationRow, 'seq'> & { readonly seq: Generated<number> }
  readonly audit: Omit<AuditEventRow, 'id'> & { readonly id: Generated<number> }
  readonly used_identifiers: UsedIdentifierRow
  readonly sign_in_failures: SignInFailureRow
  readonly familiar_addresses: FamiliarAddressRow
  readonly setup_tokens: SetupTokenRow
  readonly authorization_codes: AuthorizationCodeRow
  readonly flows: FlowRow
  readonly pushed_requests: PushedRequestRow
  /** Of users in their own name. */
  readonly consents: Omit<ConsentRow, 'organisation_id'>
  readonly organisation_consents: ConsentRow & { readonly organisation_id: OrganisationId }
  readonly session_clients: SessionClientRow
  readonly decoupled_requests: DecoupledRequestRow
  readonly logout_deliveries: LogoutDeliveryRow
  readonly mails: MailRow
  readonly mailed_proofs: MailedProofRow
  readonly initial_access_tokens: InitialAccessTokenRow
  readonly kept_forms: KeptFormRow
  readonly factors: FactorRow
  readonly recovery_codes: RecoveryCodeRow
  readonly remembered_devices: RememberedDeviceRow
  readonly organisations: OrganisationRow
  readonly memberships: MembershipRow
  readonly organisation_invitations: OrganisationInvitationRow
  readonly provider_sign_ins: ProviderSignInRow
  readonly linked_identities: LinkedIdentityRow
  readonly provider_sessions: ProviderSessionRow
  readonly provider_tokens: ProviderTokenRow
  readonly refusals: RefusalRow
}
