import * as Type from 'typebox'
import type { ProviderContext } from '../provider-kind.ts'
import { idAndSecret, oidcSettings, presetKind, type ResolvedPreset } from './preset.ts'

/** Microsoft's own tenant of personal accounts. */
const consumers = '9188040d-6c67-4c5b-b112-36a304b66dad'
const login = 'https://login.microsoftonline.com'

/** Microsoft. */
export const microsoftSchema = presetKind(
  'microsoft',
  'Microsoft accounts: of an organisation (Entra ID) or personal',
  {
    ...idAndSecret,
    tenant: Type.String({
      pattern: '^(organizations|consumers|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$',
      description:
        'Whose people: a tenant by its id, `organizations` for those of every organisation, `consumers` for personal accounts',
      expected: 'the id of a tenant (a GUID in small letters), organizations or consumers',
    }),
  },
)

/**
 * Taken from "OpenID Connect on the Microsoft identity platform" and "ID token claims reference" (Microsoft Learn).
 *
 * A tenant is an issuer of its own. The address `organizations` serves all of them: there the issuer of an ID token has to be
 * the one of the tenant that the same token names in `tid`, and personal accounts are kept out by their `tid`, since people can
 * change the address that they are sent to. `common`, which mixes both, is not offered.
 *
 * People are known by `tid` and `oid`: `sub` is another one for each registered application, so that everybody would be a
 * stranger after Gatehouse was registered anew; `oid` alone is unique in a tenant only. `email` is whatever an administrator of
 * the tenant wrote there, so that it never counts as verified.
 */
export function resolveMicrosoft(
  section: Type.Static<typeof microsoftSchema>,
  context: ProviderContext,
): ResolvedPreset {
  const { tenant } = section
  const isMany = tenant === 'organizations'
  return {
    kind: 'oidc',
    title: 'Microsoft',
    settings: oidcSettings(section, context, {
      issuer: `${login}/${tenant === 'consumers' ? consumers : tenant}/v2.0`,
      ...(isMany ? { issuerTemplate: `${login}/{tenantid}/v2.0` } : {}),
      // All of it is in the ID token.
      userinfo: false,
      subjectClaims: ['tid', 'oid'],
      claimRules: [
        isMany
          ? { claim: 'tid', noneOf: [consumers] }
          : { claim: 'tid', oneOf: [tenant === 'consumers' ? consumers : tenant] },
      ],
    }),
    mapping: { email_verified: 'false' },
  }
}
