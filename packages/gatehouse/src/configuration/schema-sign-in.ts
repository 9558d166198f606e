import { oneOf } from '@gatehouse/auth/domain/client-metadata'
import { signInMethods } from '@gatehouse/auth/domain/sign-in-methods'
import * as Type from 'typebox'
import { path, scopes, strict, text, texts } from './schema-words.ts'

/** Who may open an account. */
export const signUp = Type.Object(
  {
    mode: Type.Optional(
      oneOf(['off', 'open', 'invitation', 'domains'], {
        default: 'off',
        description:
          'Who may open an account: nobody, everybody, who is invited by `gatehouse user invite`, or whose address is at one of `domains` (and who is invited)',
      }),
    ),
    domains: Type.Optional(
      texts('Domains of addresses that may sign up', { expected: 'a list of domains such as [example.com]' }),
    ),
    scopes: Type.Optional(scopes('What new users may be granted')),
    roles: Type.Optional(texts('Roles that new users have')),
    terms: Type.Optional(
      Type.String({
        pattern: '^https?://[^\\s]+$',
        description: 'The address of terms that have to be agreed to',
        expected: 'an https address',
      }),
    ),
  },
  { ...strict, description: 'People who open accounts by themselves, at /signup. Open in development' },
)

/** How people prove who they are. */
export const signIn = Type.Object(
  {
    methods: Type.Optional(
      Type.Array(oneOf(signInMethods, {}), {
        minItems: 1,
        default: ['password', 'passkey'],
        description:
          'What proves who one is, at first: a password, a passkey, a link or a code that is mailed. The last two need `mail`; in development they are on',
        expected: 'a list of password, passkey, email_link and email_code',
      }),
    ),
  },
  strict,
)

/** Passwords that are known from breaches. */
export const breached = Type.Object(
  {
    file: Type.Optional(
      path('A file with SHA-1 hashes in order, one a line, or a folder with a file for each prefix, such as 21BD1.txt'),
    ),
    url: Type.Optional(
      text('An address that answers for a prefix as the range search of Have I Been Pwned does', {
        expected: 'an https URL such as https://api.pwnedpasswords.com/range',
      }),
    ),
  },
  {
    ...strict,
    description:
      'Where new passwords are looked up. An address is told five letters of a hash and no more; what cannot be found out within a second is let pass, and counted',
    expected: '{ file } or { url }',
  },
)
