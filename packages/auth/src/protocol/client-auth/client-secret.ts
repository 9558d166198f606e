import { GatehouseError } from '@gatehouse/core/errors'
import { type Client, isSecretOf } from '../../domain/clients.ts'
import { decodeFormPart } from '../../http/form-part.ts'

/** A client's id and secret as they were sent. */
export interface BasicCredentials {
  readonly id: string
  readonly secret: string
}

/**
 * Reads HTTP Basic credentials whose two halves are form-url-encoded. Spec: RFC 6749 section 2.3.1.
 * `undefined` for another scheme; `invalid_client` for credentials that cannot be read.
 */
export function parseBasic(header: string): BasicCredentials | undefined {
  const match = /^basic +([\w+/=-]+)$/i.exec(header)
  if (!match) {
    if (/^basic\b/i.test(header)) throw unreadable()
    return undefined
  }
  const text = Buffer.from(match[1] ?? '', 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 1) throw unreadable()
  const id = decodeFormPart(text.slice(0, colon))
  const secret = decodeFormPart(text.slice(colon + 1))
  if (id === undefined || secret === undefined) throw unreadable()
  return { id, secret }
}

/** The challenge to a client that has used the header, or has not named itself at all. Spec: RFC 6749 section 5.2. */
export const clientChallenge = { headers: { 'www-authenticate': 'Basic realm="gatehouse"' } } as const

const unreadable = (): GatehouseError => new GatehouseError('invalid_client', clientChallenge)

/** Whether a secret is the client's; an empty one, and one over 1024 characters, never is. */
export const checkSecret = (client: Client, secret: string): boolean =>
  secret !== '' && secret.length <= 1024 && isSecretOf(client, secret)
