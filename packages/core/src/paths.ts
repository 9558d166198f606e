/** Every public path of Gatehouse, once. A route of the gateway may not shadow any of them. */
export const paths = {
  login: '/login',
  refresh: '/token/refresh',
  validate: '/validate',
  logout: '/logout',
  loginPassword: '/login/password',
  loginFactor: '/login/factor',
  loginEnrol: '/login/enrol',
  loginEnrolPasskey: '/login/enrol/passkey',
  loginContinue: '/login/continue',
  loginMfa: '/login/mfa',
  loginEmail: '/login/email',
  loginEmailCode: '/login/email/code',
  loginLink: '/login/link',
  loginCodeSend: '/login/code/send',
  loginCode: '/login/code',
  signUp: '/signup',
  signUpForm: '/signup/form',
  verify: '/verify',
  verifyForm: '/verify/form',
  recover: '/recover',
  recoverForm: '/recover/form',
  recoverPassword: '/recover/password',
  recoverPasswordForm: '/recover/password/form',
  loginPasskey: '/login/passkey',
  loginPasskeyOptions: '/login/passkey/options',
  loginPasskeyBegin: '/login/passkey/begin',
  loginPasskeyForm: '/login/passkey/form',
  loginOrganisation: '/login/organisation',
  account: '/account',
  accountProfile: '/account/profile',
  accountEmail: '/account/profile/email',
  accountPassword: '/account/password',
  accountSessions: '/account/sessions',
  accountApplications: '/account/applications',
  accountSecurity: '/account/security',
  accountHistory: '/account/history',
  accountData: '/account/data',
  accountDownload: '/account/data/download',
  accountDelete: '/account/delete',
  accountTotp: '/account/totp',
  accountPasskeys: '/account/passkeys',
  accountPasskeysRename: '/account/passkeys/rename',
  accountRecoveryCodes: '/account/recovery-codes',
  accountRemoveFactor: '/account/factors/remove',
  accountLinked: '/account/linked',
  accountLink: '/account/linked/add',
  accountUnlink: '/account/linked/remove',
  accountOrganisations: '/account/organisations',
  accountPickOrganisation: '/account/organisations/pick',
  accountLeaveOrganisation: '/account/organisations/leave',
  accountMembers: '/account/organisations/members',
  accountMemberRoles: '/account/organisations/members/roles',
  accountRemoveMember: '/account/organisations/members/remove',
  accountInvite: '/account/organisations/invite',
  accountWithdrawInvitation: '/account/organisations/invitations/withdraw',
  join: '/join',
  joinAccount: '/join/account',
  language: '/_gatehouse/language',
  appSignIn: '/_gatehouse/sign-in',
  appCallback: '/_gatehouse/callback',
  appForm: '/_gatehouse/form',
  appSession: '/_gatehouse/session',
  appLogout: '/_gatehouse/logout',
  pageStyle: '/_gatehouse/assets/page.css',
  pageLogo: '/_gatehouse/assets/logo',
  submitScript: '/_gatehouse/assets/submit.js',
  passkeyScript: '/_gatehouse/assets/passkey.js',
  federationStart: '/federation/{provider}/start',
  federationCallback: '/federation/{provider}/callback',
  federationMetadata: '/federation/{provider}/metadata',
  federationLogout: '/federation/{provider}/logout',
  federationToken: '/federation/{provider}/token',
  consent: '/consent',
  device: '/device',
  pendingRequests: '/account/requests',
  authorize: '/oauth/authorize',
  token: '/oauth/token',
  pushedRequest: '/oauth/par',
  deviceAuthorization: '/oauth/device',
  backchannelAuthentication: '/oauth/backchannel',
  userinfo: '/oauth/userinfo',
  registration: '/oauth/register',
  endSession: '/oauth/logout',
  introspect: '/oauth/introspect',
  revoke: '/oauth/revoke',
  revocationFeed: '/events/revocations',
  firstAdministrator: '/admin/api/v1/first-administrator',
  openidConfiguration: '/.well-known/openid-configuration',
  authorizationServer: '/.well-known/oauth-authorization-server',
  protectedResource: '/.well-known/oauth-protected-resource',
  jwks: '/.well-known/jwks.json',
  openapi: '/openapi.json',
  docs: '/docs',
  inbox: '/dev/inbox',
  gatewayCheck: '/gateway/check',
  live: '/livez',
  ready: '/readyz',
  metrics: '/metrics',
} as const

/** The path of one provider: its name in the place of `{provider}`. */
export const ofProvider = (path: `${string}{provider}${string}`, provider: string): string =>
  path.replace('{provider}', provider)

/**
 * What Gatehouse keeps for itself on the issuer's host, now and later: a path that equals one of these, or lies below one
 * that ends in a slash, is never a route's.
 */
export const reservedPrefixes: readonly string[] = [
  '/login',
  '/login/',
  '/token/',
  '/validate',
  '/logout',
  '/consent',
  '/oauth/',
  '/device',
  '/.well-known/',
  '/signup',
  '/signup/',
  '/recover',
  '/recover/',
  '/verify',
  '/verify/',
  '/account',
  '/account/',
  '/federation/',
  '/join',
  '/join/',
  '/gateway/',
  '/events/',
  '/admin/api/',
  '/console',
  '/console/',
  '/livez',
  '/readyz',
  '/metrics',
  '/openapi.json',
  '/docs',
  '/scim',
  '/scim/',
  '/saml',
  '/saml/',
  '/dev',
  '/dev/',
  '/_gatehouse/',
]

/** What Gatehouse keeps on every other host that its routes name. */
export const reservedOnOtherHosts: readonly string[] = [
  '/_gatehouse/',
  '/.well-known/oauth-protected-resource',
  '/.well-known/oauth-protected-resource/',
]

/** The reservations that begin with a path segment, by that segment: most requests match none and cost one look-up. */
const byFirstSegment = new WeakMap<readonly string[], ReadonlyMap<string, readonly string[]>>()

const firstSegment = (path: string): string => {
  const end = path.indexOf('/', 1)
  return end === -1 ? path : path.slice(0, end)
}

function indexOf(reserved: readonly string[]): ReadonlyMap<string, readonly string[]> {
  let index = byFirstSegment.get(reserved)
  if (!index) {
    const grouped = new Map<string, string[]>()
    for (const prefix of reserved)
      grouped.set(firstSegment(prefix), [...(grouped.get(firstSegment(prefix)) ?? []), prefix])
    byFirstSegment.set(reserved, grouped)
    index = grouped
  }
  return index
}

/** Whether a canonical path belongs to Gatehouse itself under the given reservations. */
export function isReserved(path: string, reserved: readonly string[] = reservedPrefixes): boolean {
  const candidates = indexOf(reserved).get(firstSegment(path))
  return candidates?.some((prefix) => path === prefix || (prefix.endsWith('/') && path.startsWith(prefix))) ?? false
}
