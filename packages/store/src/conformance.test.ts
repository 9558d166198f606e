import { afterAll, beforeAll, describe } from 'vitest'
import { describeExpiry } from './expire.suite.ts'
import { describeAudit } from './tables/audit.suite.ts'
import { describeAuthorizationCodes } from './tables/authorization-codes.suite.ts'
import { describeClients } from './tables/clients.suite.ts'
import { describeConsents } from './tables/consents.suite.ts'
import { describeDataKeys } from './tables/data-keys.suite.ts'
import { describeDecoupledRequests } from './tables/decoupled-requests.suite.ts'
import { describeFactors } from './tables/factors.suite.ts'
import { describeFamiliarAddresses } from './tables/familiar-addresses.suite.ts'
import { describeFederation } from './tables/federation.suite.ts'
import { describeFlows } from './tables/flows.suite.ts'
import { describeGrants } from './tables/grants.suite.ts'
import { describeInitialAccessTokens } from './tables/initial-access-tokens.suite.ts'
import { describeKeptForms } from './tables/kept-forms.suite.ts'
import { describeLogoutDeliveries } from './tables/logout-deliveries.suite.ts'
import { describeMailedProofs } from './tables/mailed-proofs.suite.ts'
import { describeMails } from './tables/mails.suite.ts'
import { describeMemberships } from './tables/memberships.suite.ts'
import { describeOrganisationInvitations } from './tables/organisation-invitations.suite.ts'
import { describeOrganisations } from './tables/organisations.suite.ts'
import { describePushedRequests } from './tables/pushed-requests.suite.ts'
import { describeRefusals } from './tables/refusals.suite.ts'
import { describeRevocations } from './tables/revocations.suite.ts'
import { describeSessionClients } from './tables/session-clients.suite.ts'
import { describeSessions } from './tables/sessions.suite.ts'
import { describeSetupTokens } from './tables/setup-tokens.suite.ts'
import { describeSignInFailures } from './tables/sign-in-failures.suite.ts'
import { describeSigningKeys } from './tables/signing-keys.suite.ts'
import { describeUsedIdentifiers } from './tables/used-identifiers.suite.ts'
import { describeUsers } from './tables/users.suite.ts'
import { databaseKinds, type OpenedStore, TestDatabases } from './testing/databases.ts'
import { describeTransactions } from './transaction.suite.ts'

const databases = new TestDatabases()
afterAll(() => databases.stop())

// One suite for every database: what a table promises it promises on each of them.
describe.each(databaseKinds)('on %s', (kind) => {
  let opened: OpenedStore
  let second: OpenedStore
  beforeAll(async () => {
    opened = await databases.openNew(kind)
    // Another process on the same database; a database in memory has only one.
    second = kind === 'SQLite in memory' ? opened : await databases.open(opened.url, opened.clock)
  })
  const open = () => ({ ...opened, second: second.store })

  describe('users', () => describeUsers(open))
  describe('sessions', () => describeSessions(open))
  describe('grants', () => describeGrants(open))
  describe('clients', () => describeClients(open))
  describe('signing keys', () => describeSigningKeys(open))
  describe('data keys', () => describeDataKeys(open))
  describe('refusals', () => describeRefusals(open))
  describe('revocations', () => describeRevocations(open))
  describe('audit', () => describeAudit(open))
  describe('used identifiers', () => describeUsedIdentifiers(open))
  describe('sign-in failures', () => describeSignInFailures(open))
  describe('familiar addresses', () => describeFamiliarAddresses(open))
  describe('setup tokens', () => describeSetupTokens(open))
  describe('authorization codes', () => describeAuthorizationCodes(open))
  describe('consents', () => describeConsents(open))
  describe('decoupled requests', () => describeDecoupledRequests(open))
  describe('flows', () => describeFlows(open))
  describe('initial access tokens', () => describeInitialAccessTokens(open))
  describe('kept forms', () => describeKeptForms(open))
  describe('logout deliveries', () => describeLogoutDeliveries(open))
  describe('mails', () => describeMails(open))
  describe('outside providers', () => describeFederation(open))
  describe('mailed proofs', () => describeMailedProofs(open))
  describe('memberships', () => describeMemberships(open))
  describe('organisations', () => describeOrganisations(open))
  describe('invitations into organisations', () => describeOrganisationInvitations(open))
  describe('pushed requests', () => describePushedRequests(open))
  describe('session clients', () => describeSessionClients(open))
  describe('second factors', () => describeFactors(open))
  describe('transactions', () => describeTransactions(open))
  describe('expiry', () => describeExpiry(open))
})
