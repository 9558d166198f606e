import { accountApplicationsEndpoints } from './account/applications.ts'
import { accountDataEndpoints } from './account/data.ts'
import { accountHistoryEndpoint } from './account/history.ts'
import { accountInvitationsEndpoints } from './account/invitations.ts'
import { accountLinkedEndpoints } from './account/linked.ts'
import { accountMembersEndpoints } from './account/members.ts'
import { accountOrganisationsEndpoints } from './account/organisations.ts'
import { accountEndpoint } from './account/overview.ts'
import { accountPasskeysEndpoints } from './account/passkeys.ts'
import { accountPasswordEndpoints } from './account/password.ts'
import { profileEndpoints } from './account/profile.ts'
import { securityEndpoints } from './account/security.ts'
import { accountSessionsEndpoints } from './account/sessions.ts'
import { type AppEndpointDependencies, appEndpoints } from './apps/app-endpoints.ts'
import { inboxEndpoint } from './development/inbox.ts'
import { revocationFeedEndpoints } from './feed/feed-endpoint.ts'
import { loginEndpoint } from './first-party/login.ts'
import { loginCodeEndpoints } from './first-party/login-code.ts'
import { loginMfaEndpoint } from './first-party/login-mfa.ts'
import { loginPasskeyEndpoints } from './first-party/login-passkey.ts'
import { logoutEndpoint } from './first-party/logout.ts'
import { firstPartyRecoverEndpoints } from './first-party/recover.ts'
import { refreshEndpoint } from './first-party/refresh.ts'
import { firstPartySignUpEndpoints } from './first-party/sign-up.ts'
import { validateEndpoint } from './first-party/validate.ts'
import type { Endpoint } from './http/endpoint.ts'
import { backchannelRequestEndpoint } from './login/backchannel-request.ts'
import { chooseOrganisationEndpoints } from './login/choose-organisation.ts'
import { consentEndpoints } from './login/consent.ts'
import { deviceEndpoints } from './login/device.ts'
import { emailCodeEndpoint } from './login/email-code.ts'
import { continueEndpoint, enrolFactorEndpoints } from './login/enrol-factor.ts'
import { enrolPasskeyEndpoints } from './login/enrol-passkey.ts'
import { joinEndpoints } from './login/join.ts'
import { languageEndpoint } from './login/language.ts'
import { magicLinkEndpoints } from './login/magic-link.ts'
import { mailRequestEndpoints } from './login/mail-request.ts'
import { passkeyPageEndpoints } from './login/passkey-page.ts'
import { providerCallbackEndpoints } from './login/provider-callback.ts'
import { providerLogoutEndpoints } from './login/provider-logout.ts'
import { providerMetadataEndpoint } from './login/provider-metadata.ts'
import { providerStartEndpoint } from './login/provider-start.ts'
import { resetPasswordEndpoints } from './login/reset-password.ts'
import { secondFactorEndpoints } from './login/second-factor.ts'
import { signInPageEndpoints } from './login/sign-in-page.ts'
import { signUpEndpoints } from './login/sign-up.ts'
import { verifyEmailEndpoints } from './login/verify-email.ts'
import { firstAdministratorEndpoint } from './manage/first-administrator.ts'
import { assetEndpoints } from './pages/assets.ts'
import { authorizeEndpoints } from './protocol/authorize.ts'
import { backchannelAuthenticationEndpoint } from './protocol/backchannel-authentication.ts'
import { deviceAuthorizationEndpoint } from './protocol/device-authorization.ts'
import { discoveryEndpoints } from './protocol/discovery.ts'
import { endSessionEndpoints } from './protocol/end-session.ts'
import { introspectEndpoint } from './protocol/introspect.ts'
import { pushedRequestEndpoint } from './protocol/par.ts'
import { providerTokenEndpoint } from './protocol/provider-token.ts'
import { registrationEndpoints } from './protocol/register.ts'
import { revokeEndpoint } from './protocol/revoke.ts'
import { tokenEndpoint } from './protocol/token.ts'
import { userinfoEndpoints } from './protocol/userinfo.ts'

type DependenciesOf<Build extends (dependencies: never) => unknown> = Parameters<Build>[0]

/** What all endpoints together need. */
export type EndpointDependencies = DependenciesOf<typeof loginEndpoint> &
  DependenciesOf<typeof refreshEndpoint> &
  AppEndpointDependencies &
  DependenciesOf<typeof logoutEndpoint> &
  DependenciesOf<typeof validateEndpoint> &
  DependenciesOf<typeof signInPageEndpoints> &
  DependenciesOf<typeof languageEndpoint> &
  DependenciesOf<typeof assetEndpoints> &
  DependenciesOf<typeof passkeyPageEndpoints> &
  DependenciesOf<typeof secondFactorEndpoints> &
  DependenciesOf<typeof enrolFactorEndpoints> &
  DependenciesOf<typeof enrolPasskeyEndpoints> &
  DependenciesOf<typeof accountEndpoint> &
  DependenciesOf<typeof accountPasswordEndpoints> &
  DependenciesOf<typeof accountSessionsEndpoints> &
  DependenciesOf<typeof accountApplicationsEndpoints> &
  DependenciesOf<typeof accountHistoryEndpoint> &
  DependenciesOf<typeof accountDataEndpoints> &
  DependenciesOf<typeof securityEndpoints> &
  DependenciesOf<typeof accountPasskeysEndpoints> &
  DependenciesOf<typeof loginMfaEndpoint> &
  DependenciesOf<typeof loginPasskeyEndpoints> &
  DependenciesOf<typeof chooseOrganisationEndpoints> &
  DependenciesOf<typeof accountOrganisationsEndpoints> &
  DependenciesOf<typeof accountInvitationsEndpoints> &
  DependenciesOf<typeof joinEndpoints> &
  DependenciesOf<typeof accountLinkedEndpoints> &
  DependenciesOf<typeof providerStartEndpoint> &
  DependenciesOf<typeof providerCallbackEndpoints> &
  DependenciesOf<typeof providerLogoutEndpoints> &
  DependenciesOf<typeof providerMetadataEndpoint> &
  DependenciesOf<typeof providerTokenEndpoint> &
  DependenciesOf<typeof consentEndpoints> &
  DependenciesOf<typeof deviceEndpoints> &
  DependenciesOf<typeof backchannelRequestEndpoint> &
  DependenciesOf<typeof authorizeEndpoints> &
  DependenciesOf<typeof pushedRequestEndpoint> &
  DependenciesOf<typeof userinfoEndpoints> &
  DependenciesOf<typeof endSessionEndpoints> &
  DependenciesOf<typeof registrationEndpoints> &
  DependenciesOf<typeof deviceAuthorizationEndpoint> &
  DependenciesOf<typeof backchannelAuthenticationEndpoint> &
  DependenciesOf<typeof tokenEndpoint> &
  DependenciesOf<typeof introspectEndpoint> &
  DependenciesOf<typeof revokeEndpoint> &
  DependenciesOf<typeof revocationFeedEndpoints> &
  DependenciesOf<typeof discoveryEndpoints> &
  DependenciesOf<typeof firstAdministratorEndpoint> &
  DependenciesOf<typeof profileEndpoints> &
  DependenciesOf<typeof loginCodeEndpoints> &
  DependenciesOf<typeof firstPartySignUpEndpoints> &
  DependenciesOf<typeof firstPartyRecoverEndpoints> &
  DependenciesOf<typeof mailRequestEndpoints> &
  DependenciesOf<typeof emailCodeEndpoint> &
  DependenciesOf<typeof magicLinkEndpoints> &
  DependenciesOf<typeof signUpEndpoints> &
  DependenciesOf<typeof verifyEmailEndpoints> &
  DependenciesOf<typeof resetPasswordEndpoints> &
  DependenciesOf<typeof inboxEndpoint> & {
    /** Whether every mail can be read at /dev/inbox: development alone. */
    readonly hasInbox: boolean
    /** Whether /login, /token/refresh and /logout exist. */
    readonly loginApi: boolean
  }

/** Every endpoint of the authentication service: the table of contents. */
export function buildEndpoints(dependencies: EndpointDependencies): readonly Endpoint[] {
  const firstParty = [
    loginEndpoint(dependencies),
    loginMfaEndpoint(dependencies),
    ...loginPasskeyEndpoints(dependencies),
    refreshEndpoint(dependencies),
    logoutEndpoint(dependencies),
    ...(dependencies.canSend ? firstPartyByMail(dependencies) : []),
  ]
  return [
    ...(dependencies.loginApi ? firstParty : []),
    validateEndpoint(dependencies),
    ...signInPageEndpoints(dependencies),
    ...passkeyPageEndpoints(dependencies),
    ...(dependencies.canSend ? byMail(dependencies) : []),
    languageEndpoint(dependencies),
    ...appEndpoints(dependencies),
    ...assetEndpoints(dependencies),
    ...secondFactorEndpoints(dependencies),
    ...enrolFactorEndpoints(dependencies),
    ...enrolPasskeyEndpoints(dependencies),
    continueEndpoint(dependencies),
    accountEndpoint(dependencies),
    ...profileEndpoints(dependencies),
    ...accountPasswordEndpoints(dependencies),
    ...accountSessionsEndpoints(dependencies),
    ...accountApplicationsEndpoints(dependencies),
    accountHistoryEndpoint(dependencies),
    ...accountDataEndpoints(dependencies),
    ...securityEndpoints(dependencies),
    ...accountPasskeysEndpoints(dependencies),
    ...accountOrganisationsEndpoints(dependencies),
    ...accountMembersEndpoints(dependencies),
    ...accountInvitationsEndpoints(dependencies),
    ...accountLinkedEndpoints(dependencies),
    ...joinEndpoints(dependencies),
    ...chooseOrganisationEndpoints(dependencies),
    providerStartEndpoint(dependencies),
    ...providerCallbackEndpoints(dependencies),
    ...providerLogoutEndpoints(dependencies),
    providerMetadataEndpoint(dependencies),
    providerTokenEndpoint(dependencies),
    ...consentEndpoints(dependencies),
    ...deviceEndpoints(dependencies),
    backchannelRequestEndpoint(dependencies),
    ...authorizeEndpoints(dependencies),
    pushedRequestEndpoint(dependencies),
    deviceAuthorizationEndpoint(dependencies),
    backchannelAuthenticationEndpoint(dependencies),
    tokenEndpoint(dependencies),
    introspectEndpoint(dependencies),
    revokeEndpoint(dependencies),
    ...revocationFeedEndpoints(dependencies),
    ...userinfoEndpoints(dependencies),
    ...endSessionEndpoints(dependencies),
    ...registrationEndpoints(dependencies),
    ...discoveryEndpoints(dependencies),
    firstAdministratorEndpoint(dependencies),
    ...(dependencies.hasInbox ? [inboxEndpoint(dependencies)] : []),
  ]
}

/** What cannot be done without sending people mails, for programs. */
const firstPartyByMail = (dependencies: EndpointDependencies): readonly Endpoint[] => [
  ...loginCodeEndpoints(dependencies),
  ...firstPartySignUpEndpoints(dependencies),
  ...firstPartyRecoverEndpoints(dependencies),
]

/** The same, as pages. */
const byMail = (dependencies: EndpointDependencies): readonly Endpoint[] => [
  ...mailRequestEndpoints(dependencies),
  emailCodeEndpoint(dependencies),
  ...magicLinkEndpoints(dependencies),
  ...signUpEndpoints(dependencies),
  ...verifyEmailEndpoints(dependencies),
  ...resetPasswordEndpoints(dependencies),
]
