import type { OrganisationId } from '@gatehouse/core/brand'
import { seconds } from '@gatehouse/core/time'
import { splitWords } from '@gatehouse/core/words'
import type { OrganisationRow, UserRow } from '@gatehouse/store/rows'
import type { AuthSettings } from '../auth-options.ts'
import { type ConfiguredClient, noPermissions } from '../domain/clients.ts'
import type { RoleScopes } from '../domain/effective-access.ts'
import { inviteMember, withdrawInvitation } from '../domain/organisation-invitations.ts'
import { addMember, type MemberDependencies } from '../domain/organisation-members.ts'
import { addOrganisation, type OrganisationPolicy } from '../domain/organisations.ts'
import type { SignUpPolicy } from '../domain/sign-up.ts'
import { addUser, getEmail } from '../domain/users.ts'
import type { MailSettings } from '../mail/open-outbox.ts'
import { newPkce, type ShownPage, TestBrowser } from './browser.ts'
import { basic, goodPassword, issuer, type StartedAuth, startAuth } from './start-auth.ts'

/** What organisations of the tests may do. */
export const testPolicy: OrganisationPolicy = {
  administratorRole: 'admin',
  givableRoles: new Map([
    ['admin', ''],
    ['clerk', 'Sees <orders>'],
  ]),
  knownRoles: new Set(['admin', 'clerk', 'auditor']),
  invitationLifetime: seconds(604_800),
}

/** What the roles of the tests bring. */
export const testRoleScopes: RoleScopes = new Map([
  ['clerk', new Set(['orders:read'])],
  ['auditor', new Set(['audit:read'])],
])

const redirectUri = 'https://app.example.com/cb'
const pkce = newPkce()

/** An authorization request of `web`. */
const requestOf = (parameters: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  client_id: 'web',
  redirect_uri: redirectUri,
  response_type: 'code',
  scope: 'openid offline_access orders:read audit:read',
  state: 'st',
  code_challenge: pkce.challenge,
  code_challenge_method: 'S256',
  ...parameters,
})

/** A JSON answer. */
interface Answered {
  readonly status: number
  readonly body: Record<string, unknown> & Partial<Record<'access_token' | 'refresh_token' | 'id_token', string>>
}

/** The service with organisations, and a confidential client `web` that may have everything. */
export interface OrganisationSite {
  readonly started: StartedAuth
  readonly members: MemberDependencies
  newBrowser(): TestBrowser
  /** A user without scopes or roles of their own, with `<name>@example.com` confirmed. */
  addPerson(name: string): Promise<UserRow>
  /** An organisation, and who belongs to it: role names with one space between two, by user name. */
  addOrganisation(slug: string, members?: Readonly<Record<string, string>>): Promise<OrganisationRow>
  /** Makes somebody a member: role names with one space between two. */
  addMember(organisation: string, name: string, roles: string): Promise<void>
  /** An invitation by whoever runs Gatehouse: the link from its path on. */
  invite(organisation: OrganisationId, email: string, roles?: readonly string[]): Promise<string>
  withdraw(organisation: OrganisationId, email: string): Promise<void>
  /** A browser in which somebody has signed in. */
  browserOf(name: string): Promise<TestBrowser>
  /** An authorization request of `web`. */
  authorize(browser: TestBrowser, parameters?: Readonly<Record<string, string>>): Promise<ShownPage>
  /** The name of an authorization request of `web` that has been pushed. */
  push(parameters?: Readonly<Record<string, string>>): Promise<string>
  /** The answer to the code that a page has led to. */
  exchange(page: ShownPage): Promise<Answered>
  refresh(token: string | undefined, parameters?: Readonly<Record<string, string>>): Promise<Answered>
  /** POST /login. */
  login(name: string, body?: Record<string, unknown>): Promise<Answered>
  isValid(token: string | undefined): Promise<boolean>
}

interface SiteOptions {
  /** Requests of one address in a minute that cost a mail. */
  readonly mailRequestLimit?: number
  readonly settings?: Partial<AuthSettings>
  /** Overrides parts of `web`. */
  readonly web?: Partial<ConfiguredClient>
  readonly clients?: readonly Partial<ConfiguredClient>[]
  readonly mail?: Partial<MailSettings>
  readonly signUp?: SignUpPolicy['mode']
}

/** Starts it. */
export async function startOrganisations(options: SiteOptions = {}): Promise<OrganisationSite> {
  const web: Partial<ConfiguredClient> = {
    id: 'web',
    secret: 'web-secret',
    grantTypes: ['authorization_code', 'refresh_token'],
    scopes: ['orders:read', 'orders:write', 'audit:read', 'roles'],
    metadata: { client_name: 'Web', redirect_uris: [redirectUri] },
    permissions: { ...noPermissions, skipConsent: true },
    ...options.web,
  }
  const { signUp: mode } = options
  const signUp = mode ? { signUp: { mode, domains: [], scopes: [], roles: [], terms: undefined } } : {}
  const started = await startAuth({
    clients: [web, ...(options.clients ?? [])],
    ...(options.mail ? { mail: options.mail } : {}),
    ...(options.mailRequestLimit ? { mailRequestLimit: options.mailRequestLimit } : {}),
    settings: { organisations: testPolicy, roleScopes: testRoleScopes, ...signUp, ...options.settings },
  })
  const { auth, store, clock, url } = started
  const members = { store, clock, revocations: auth.revocations, policy: testPolicy }
  const by = { actor: 'test' }
  const people = new Map<string, UserRow>()
  const read = async (response: Response): Promise<Answered> => ({
    status: response.status,
    body: (await response.json()) as Answered['body'],
  })
  const asWeb = basic('web', 'web-secret')

  const site: OrganisationSite = {
    started,
    members,
    newBrowser: () => new TestBrowser(url, issuer),
    async addPerson(name) {
      const known = people.get(name)
      if (known) return known
      const wanted = { username: name, email: `${name}@example.com`, password: goodPassword, scopes: [], roles: [] }
      const dependencies = { store, clock, passwords: auth.passwords, revocations: auth.revocations }
      const user = await addUser(dependencies, { ...wanted, minimumPasswordLength: 15 }, by)
      people.set(name, user)
      return user
    },
    async addOrganisation(slug, belonging = {}) {
      const row = await addOrganisation({ store, clock }, { name: `The ${slug} & Co`, slug }, by)
      for (const [name, roles] of Object.entries(belonging)) await site.addMember(row.id, name, roles)
      return row
    },
    async addMember(organisation, name, roles) {
      const { id: member } = await site.addPerson(name)
      const of = { organisation: organisation as OrganisationId, member } // of one that was added above
      await addMember(members, { ...of, roles: splitWords(roles) }, by)
    },
    async invite(organisation, email, roles = []) {
      const dependencies = { ...members, queueMail: async () => {} }
      const invitation = { organisation, address: getEmail(email), roles }
      return (await inviteMember(dependencies, invitation, 'operator', by)).link
    },
    withdraw: (organisation_id, email) => withdrawInvitation(members, { organisation_id, email }, 'operator', by),
    async browserOf(name) {
      const browser = site.newBrowser()
      await browser.signIn(await browser.get('/login'), name, goodPassword)
      return browser
    },
    authorize: (browser, parameters) => browser.get(`/oauth/authorize?${new URLSearchParams(requestOf(parameters))}`),
    async push(parameters) {
      const { body } = await read(await started.postForm('/oauth/par', requestOf(parameters), asWeb))
      return String(body.request_uri)
    },
    async exchange(page) {
      const code = page.callback.get('code') ?? ''
      const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: pkce.verifier }
      return read(await started.postForm('/oauth/token', form, asWeb))
    },
    async refresh(token, parameters = {}) {
      const form = { grant_type: 'refresh_token', refresh_token: token ?? '', ...parameters }
      return read(await started.postForm('/oauth/token', form, asWeb))
    },
    login: async (name, body = {}) =>
      read(await started.postJson('/login', { username: name, password: goodPassword, ...body })),
    async isValid(token) {
      const { body } = await read(await started.postJson('/validate', { token }))
      return body.valid === true
    },
  }
  return site
}
