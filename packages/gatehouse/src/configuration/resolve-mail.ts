import type { ConfiguredClient } from '@gatehouse/auth/domain/clients'
import { parseEmail } from '@gatehouse/auth/domain/email-addresses'
import type { SignUpPolicy } from '@gatehouse/auth/domain/sign-up'
import { type MailKind, mailKinds } from '@gatehouse/auth/mail/letters'
import { type MailSettings, takesKind } from '@gatehouse/auth/mail/open-outbox'
import type { SmtpSettings } from '@gatehouse/auth/mail/smtp-sender'
import { cibaGrantType } from '@gatehouse/auth/protocol/grants/ciba'
import { paths } from '@gatehouse/core/paths'
import { isLoopback } from './loopback.ts'
import type { Report } from './problem.ts'
import type { ConfigurationFile } from './schema.ts'
import { isWeakSecret } from './weak-secret.ts'

interface Context {
  readonly development: boolean
  readonly report: Report
}

type MailSection = NonNullable<ConfigurationFile['mail']>
/** A mail server before it is said whether it may be used without TLS. */
type Server = Omit<SmtpSettings, 'from'>

/** How people are sent mails, and reports what cannot be meant. */
export function resolveMail({ mail, delivery, sign_in, sign_up }: ConfigurationFile, context: Context): MailSettings {
  const kinds = delivery?.webhook?.kinds
  const left =
    kinds === undefined
      ? []
      : [...kindsOfSignIn(sign_in?.methods ?? []), ...kindsOfSignUp(sign_up?.mode ?? 'off')].filter(
          (kind) => !kinds.includes(kind),
        )
  // In development the inbox takes them.
  if (left.length > 0 && !mail && !context.development) {
    const sentence = `leaves out ${left.join(', ')}, which would go by mail: add mail, or have the webhook take them too`
    context.report(['delivery', 'webhook', 'kinds'], sentence)
  }
  return {
    smtp: mail && resolveSmtp(mail, context),
    webhook: delivery?.webhook && resolveWebhook(delivery.webhook, context),
    inbox: context.development,
    most: mail?.most ?? 10_000,
    perRecipient: mail?.per_recipient ?? 5,
  }
}

/** The messages that people sign in by. */
export const kindsOfSignIn = (methods: Iterable<string>): readonly MailKind[] =>
  [...methods].flatMap((method): readonly MailKind[] =>
    method === 'email_code' ? ['sign_in_code'] : method === 'email_link' ? ['sign_in_link'] : [],
  )

/** The messages that people open an account by. */
export const kindsOfSignUp = (mode: SignUpPolicy['mode']): readonly MailKind[] =>
  mode === 'off' ? [] : mode === 'invitation' ? ['invitation'] : ['sign_up']

/** A sentence of the messages that nobody is sent, where a webhook takes some kinds and nothing takes the rest. */
export function warnOfUnsent(
  { mail, delivery }: ConfigurationFile,
  { development }: Pick<Context, 'development'>,
): readonly string[] {
  const kinds = delivery?.webhook?.kinds
  if (!kinds || mail || development) return []
  const left = mailKinds.filter((kind) => !kinds.includes(kind))
  return left.length === 0 ? [] : [`delivery.webhook.kinds: without mail nobody is sent ${left.join(', ')}`]
}

/** A sentence of the clients that ask people who are elsewhere, where nothing tells those of it. */
export function warnOfUntold(clients: readonly ConfiguredClient[], mail: MailSettings): readonly string[] {
  const asking = clients.filter(({ grantTypes }) => grantTypes.includes(cibaGrantType)).map(({ id }) => id)
  if (asking.length === 0 || takesKind(mail, 'approval_request')) return []
  return [
    `clients: ${asking.join(', ')} may ask people by CIBA, and without mail or a webhook that takes approval_request nobody is told: they have to open ${paths.pendingRequests} by themselves`,
  ]
}

function resolveSmtp(mail: MailSection, { development, report }: Context): SmtpSettings | undefined {
  const address = /^(?:[^<>"@,;\r\n]{0,100}<)?([^<>\s]+)>?$/.exec(mail.from)?.[1]
  if (address === undefined || !parseEmail(address) || mail.from.includes('<') !== mail.from.endsWith('>')) {
    report(['mail', 'from'], 'expected an address such as Example <no-reply@example.com>')
  }
  const server = typeof mail.smtp === 'string' ? parseServer(mail.smtp) : readServer(mail.smtp)
  if (!server) {
    report(['mail', 'smtp'], 'expected smtps://user:password@host:465 or smtp://user:password@host:587')
    return undefined
  }
  if (server.password !== undefined && server.user === undefined) {
    report(['mail', 'smtp'], 'a password needs a user')
  }
  // A mail server for development on this machine, such as those that only show what they get, has no certificate.
  const isHere = development && isLoopback(server.host) && server.security === 'starttls'
  const isInClear = mail.insecure?.without_tls || isHere
  return { ...server, security: isInClear ? 'none' : server.security, from: mail.from }
}

function readServer({ host, port, user, password, tls }: Exclude<MailSection['smtp'], string>): Server {
  const isImplicit = tls === 'implicit'
  return { host, port: port ?? (isImplicit ? 465 : 587), security: isImplicit ? 'tls' : 'starttls', user, password }
}

function parseServer(text: string): Server | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isImplicit = url?.protocol === 'smtps:'
  if (!url || (!isImplicit && url.protocol !== 'smtp:') || url.hostname === '') return undefined
  if (!['', '/'].includes(url.pathname) || url.search !== '' || url.hash !== '') return undefined
  try {
    return {
      host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port === '' ? (isImplicit ? 465 : 587) : Number(url.port),
      security: isImplicit ? 'tls' : 'starttls',
      user: url.username === '' ? undefined : decodeURIComponent(url.username),
      password: url.password === '' ? undefined : decodeURIComponent(url.password),
    }
  } catch {
    return undefined
  }
}

function resolveWebhook(
  webhook: NonNullable<NonNullable<ConfigurationFile['delivery']>['webhook']>,
  { development, report }: Context,
): MailSettings['webhook'] {
  const { url, secret, kinds } = webhook
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  const isAllowed = parsed?.protocol === 'https:' || (development && parsed?.protocol === 'http:')
  if (!isAllowed || parsed?.username !== '') report(['delivery', 'webhook', 'url'], 'expected an https URL')
  if (!development && isWeakSecret(secret)) {
    report(['delivery', 'webhook', 'secret'], 'can be guessed; make one with: openssl rand -base64 32')
  }
  for (const [index, kind] of (kinds ?? []).entries()) {
    if (!mailKinds.some((known) => known === kind)) {
      report(['delivery', 'webhook', 'kinds', index], `expected one of ${mailKinds.join(', ')}`)
    }
  }
  return { url, secret, kinds: kinds as readonly MailKind[] | undefined } // each is one, or has just been reported
}
