import * as Type from 'typebox'
import { count, flag, strict, text, texts } from './schema-words.ts'

const smtpServer = Type.Object(
  {
    host: text('The mail server'),
    port: Type.Optional(count('Left out: 465 with `tls: implicit`, else 587', { minimum: 1, maximum: 65_535 })),
    user: Type.Optional(text('Whom to sign in there as')),
    password: Type.Optional(text('Their password; take it from the environment: `${SMTP_PASSWORD}`')),
    tls: Type.Optional(
      Type.Union([Type.Literal('implicit'), Type.Literal('starttls')], {
        default: 'starttls',
        description:
          'How the connection is encrypted: from the first byte, or by STARTTLS, without which nothing is sent',
        expected: 'implicit or starttls',
      }),
    ),
  },
  { ...strict, description: 'The mail server, piece by piece', expected: '{ host, port, user, password, tls }' },
)

/** Mail. */
export const mail = Type.Object(
  {
    from: text('The sender: an address, with a name before it or without', {
      expected: 'an address such as Example <no-reply@example.com>',
    }),
    smtp: Type.Union(
      [
        text('The mail server as a URL: `smtps://` encrypts from the first byte, `smtp://` by STARTTLS', {
          expected: 'smtps://user:password@host:465',
        }),
        smtpServer,
      ],
      {
        description: 'The mail server: `smtps://user:${SMTP_PASSWORD}@host:465`, or piece by piece',
        expected: 'smtps://user:password@host:465, or { host, port, user, password, tls }',
      },
    ),
    most: Type.Optional(
      count(
        'Mails that may wait at a time; past that, new ones are dropped',
        { minimum: 10, maximum: 1_000_000 },
        10_000,
      ),
    ),
    per_recipient: Type.Optional(
      count('Mails of one kind that one address gets within ten minutes', { minimum: 1, maximum: 100 }, 5),
    ),
    insecure: Type.Optional(
      Type.Object(
        {
          without_tls: Type.Optional(
            flag('Whether mails, and the links and codes in them, go to the mail server in clear', false),
          ),
        },
        { ...strict, description: 'What makes it less safe than it should be' },
      ),
    ),
  },
  {
    ...strict,
    description: 'How people are sent mails. In development they can be read at /dev/inbox, and this may be left out',
  },
)

/** Other ways to send people something. */
export const delivery = Type.Object(
  {
    webhook: Type.Optional(
      Type.Object(
        {
          url: text('Where it is posted: https', { expected: 'an https URL' }),
          secret: text('The key of the signature, 32 characters or more; take it from the environment'),
          kinds: Type.Optional(
            texts('Kinds of messages that go this way, such as sign_in_code; the others go by mail. Left out: all'),
          ),
        },
        {
          ...strict,
          description: 'A program that sends in a way of its own, such as SMS: it gets each message as signed JSON',
          expected: '{ url, secret }',
        },
      ),
    ),
  },
  { ...strict, description: 'Other ways than mail' },
)
