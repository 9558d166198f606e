import * as Type from 'typebox'
import { duration, flag, scopes, strict, text, texts } from './schema-words.ts'

const roleName = '^[\\w.:/-]{1,100}$'

/** What roles bring. */
export const roles = Type.Record(
  Type.String({ pattern: roleName }),
  Type.Object(
    {
      description: Type.Optional(text('What the role is for: shown to who gives it')),
      scopes: Type.Optional(scopes('Scopes that whoever has the role may be granted, beside their own')),
    },
    strict,
  ),
  {
    ...strict,
    description: 'Roles, by name, and what they bring. A role need not be named here to be had',
    expected: 'roles by name, each with scopes; a name has letters, digits and . : / _ -',
  },
)

/** Whether and how people belong to organisations. */
export const organisations = Type.Object(
  {
    enabled: Type.Optional(flag('Whether there are organisations', false)),
    administrator_role: Type.Optional(
      Type.String({
        pattern: roleName,
        default: 'admin',
        description: 'The role whose holders look after the members of an organisation',
        expected: 'the name of a role, such as admin',
      }),
    ),
    roles: Type.Optional(
      texts('Roles of `roles` that such administrators may give and take, beside their own', {
        expected: 'a list of roles that `roles` names',
      }),
    ),
    invitation_lifetime: Type.Optional(duration('How long an invitation is good; at most 30d', '7d')),
  },
  { ...strict, description: 'Organisations: people who belong together and act in a common name' },
)
