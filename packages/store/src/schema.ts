import type { Generated } from 'kysely'
import type {
  AuditEventRow,
  ClientRow,
  ClientSecretRow,
  DataKeyRow,
  FamiliarAddressRow,
  GrantRow,
  RevocationRow,
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
}
