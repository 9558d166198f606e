import * as Type from 'typebox'
import type { Report } from '../problem.ts'
import { duration, flag, privateNetwork, scopes, strict, text, texts } from '../schema-words.ts'

/** What the keys of a provider are made sense of with. */
export interface ProviderContext {
  /** Under which the provider is configured. */
  readonly name: string
  readonly development: boolean
  /** Notes a problem; the path begins below the provider: `['url']`. */
  readonly report: Report
}

const expression = (description: string) =>
  text(`${description}: a CEL expression over \`claims\``, {
    expected: 'a CEL expression such as claims.preferred_username',
  })

/** Roles by the condition under which somebody has them, or one expression that lists them. */
const roleRules = (description: string) =>
  Type.Union(
    [
      expression(description),
      Type.Record(Type.String({ pattern: '^[\\w.:/-]{1,100}$' }), expression('When somebody has it'), {
        expected: 'conditions by role, such as { clerk: "\'shop-clerks\' in claims.groups" }',
      }),
    ],
    {
      description: `${description}: an expression that lists them, or for each role an expression that says whether`,
      expected: 'a CEL expression that lists roles, or conditions by role',
    },
  )

const mapping = Type.Object(
  {
    username: Type.Optional(expression('The user name of a new account')),
    name: Type.Optional(expression('What they are called')),
    email: Type.Optional(expression('The e-mail address')),
    email_verified: Type.Optional(expression('Whether the provider has seen that the address is theirs')),
    locale: Type.Optional(expression('Their language')),
    roles: Type.Optional(roleRules('Their roles')),
    organisation: Type.Optional(expression('The organisation that they belong to: its slug')),
    organisation_roles: Type.Optional(roleRules('Their roles in it')),
  },
  {
    ...strict,
    description:
      'What is taken over from what the provider says, at each sign-in. An expression that fails, as where a claim is missing, gives nothing',
  },
)

/** The keys that providers of every kind have. */
const commonKeys = {
  title: Type.Optional(text('How people know it: on its button. Left out: its name')),
  button: Type.Optional(flag('Whether the sign-in page has a button for it', true)),
  domains: Type.Optional(
    texts('Domains of e-mail addresses whose people sign in there; they are sent there by the address alone', {
      expected: 'a list of domains such as [example.com]',
    }),
  ),
  organisations: Type.Optional(texts('Organisations, by slug, whose people sign in there')),
  create_accounts: Type.Optional(flag('Whether who comes for the first time gets an account', true)),
  scopes: Type.Optional(scopes('What new accounts may be granted')),
  trust_email: Type.Optional(
    flag(
      'Whether an address that it calls verified, at one of `domains` where those are given, leads to the account that has it. Left out: people sign in to that account first, and link it',
      false,
    ),
  ),
  trust_second_factor: Type.Optional(
    flag('Whether its word counts that somebody has shown a second factor there (`mfa` in `amr`)', false),
  ),
  mapping: Type.Optional(mapping),
  recheck_every: Type.Optional(
    duration(
      'How often it is asked, as codes are issued and tokens refreshed, whether somebody may still sign in; 0s: never',
      '5m',
    ),
  ),
  recheck_within: Type.Optional(
    duration(
      'For how long people go on by its word while it cannot be asked; then their tokens are refreshed once it answers',
      '4h',
    ),
  ),
  single_logout: Type.Optional(flag('Whether signing out here leads to signing out there', false)),
  private_network: privateNetwork,
} as const

/** For kinds that check names and passwords. */
export const shadowKey = Type.Optional(
  flag(
    'Whether it is an older system that people move away from: what it accepts becomes the password here, and it is not asked for them again',
    false,
  ),
)

/** The schema of one kind: the keys of every kind, and its own. */
export const providerKind = <Kind extends string, Own extends Type.TProperties>(
  kind: Kind,
  description: string,
  own: Own,
) =>
  Type.Object(
    {
      kind: Type.Literal(kind, {
        description: 'The kind of provider',
        expected: 'the kind of the provider, such as oidc, saml, ldap or google',
      }),
      ...own,
      ...commonKeys,
    },
    { ...strict, description },
  )
