import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import type { SmtpSettings } from '../mail/smtp-sender.ts'

/** A mail as a mail server got it. */
export interface ReceivedMail {
  readonly from: string
  readonly to: string
  /** As it came, headers and all. */
  readonly raw: string
  readonly subject: string
  readonly text: string
  readonly html: string
}

/** A mail server on this machine. */
export interface MailServer {
  readonly settings: SmtpSettings
  readonly received: ReceivedMail[]
  /** Addresses that it will not have. */
  readonly refused: Set<string>
  /** Resolves once there are so many. */
  waitFor(count: number): Promise<void>
  close(): Promise<void>
}

interface Options {
  /** Where it listens; left out: at any port that is free. */
  readonly port?: number
  /** How it is spoken to; `none` unless said otherwise. */
  readonly security?: SmtpSettings['security']
  readonly certificate?: { readonly cert: string; readonly key: string }
  readonly account?: { readonly user: string; readonly password: string }
}

/** Starts a mail server that keeps what it gets. */
export async function startMailServer(options: Options = {}): Promise<MailServer> {
  const { port = 0, security = 'none', certificate, account } = options
  const received: ReceivedMail[] = []
  const refused = new Set<string>()
  const waiting = new Set<() => void>()
  const server = new SMTPServer({
    logger: false,
    closeTimeout: 100,
    secure: security === 'tls',
    authOptional: account === undefined,
    disabledCommands: security === 'none' ? ['STARTTLS'] : [],
    allowInsecureAuth: true,
    ...certificate,
    onAuth: ({ username, password }, _session, callback) =>
      username === account?.user && password === account?.password
        ? callback(null, { user: username })
        : callback(new Error('no such account')),
    onRcptTo: ({ address }, _session, callback) =>
      refused.has(address) ? callback(Object.assign(new Error('no such mailbox'), { responseCode: 550 })) : callback(),
    onData(stream, { envelope }, callback) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address
        received.push(parseMail(Buffer.concat(chunks).toString(), from, envelope.rcptTo[0]?.address ?? ''))
        callback()
        for (const look of waiting) look()
      })
    },
  })
  server.on('error', () => {})
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const settings: SmtpSettings = {
    host: '127.0.0.1',
    port: (server.server.address() as AddressInfo).port, // it listens at a port
    security,
    user: account?.user,
    password: account?.password,
    from: 'Example <no-reply@example.com>',
  }
  return {
    settings,
    received,
    refused,
    waitFor: (count) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (received.length < count) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        look()
      }),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

/** Reads a mail of two parts, text and HTML. */
function parseMail(raw: string, from: string, to: string): ReceivedMail {
  const boundary = /boundary="([^"]+)"/.exec(raw)?.[1] ?? ''
  const parts = raw.split(`--${boundary}`)
  const find = (type: string): string => {
    const part = parts.slice(1).find((one) => one.includes(`Content-Type: ${type}`)) ?? ''
    const body = part.slice(part.indexOf('\r\n\r\n') + 4)
    if (/transfer-encoding: base64/i.test(part)) return Buffer.from(body, 'base64').toString()
    return /transfer-encoding: quoted-printable/i.test(part) ? fromQuotedPrintable(body) : body
  }
  const subject = /^Subject: (.*(?:\r\n[ \t].*)*)/m.exec(raw)?.[1] ?? ''
  return { from, to, raw, subject: fromEncodedWords(subject), text: find('text/plain'), html: find('text/html') }
}

const fromQuotedPrintable = (text: string): string =>
  Buffer.from(
    text
      .replaceAll(/=\r\n/g, '')
      .replaceAll(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  ).toString()

const fromEncodedWords = (text: string): string =>
  text
    .replaceAll(/\r\n[ \t]/g, ' ')
    .replaceAll(/\?=\s+=\?/g, '?==?')
    .replaceAll(/=\?utf-8\?Q\?([^?]*)\?=/gi, (_, word: string) => fromQuotedPrintable(word.replaceAll('_', ' ')))
    .replaceAll(/=\?utf-8\?B\?([^?]*)\?=/gi, (_, word: string) => Buffer.from(word, 'base64').toString())
