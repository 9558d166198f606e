/** By which the service proves itself to the issuer. */
export interface ClientCredential {
  readonly id: string
  readonly secret: string
}

/** A text as in a form: the credentials of Basic are form-encoded before they are joined. */
export const formEncode = (text: string): string => new URLSearchParams({ t: text }).toString().slice(2)

/** The Authorization header of a client. Spec: RFC 6749 section 2.3.1. */
export const buildBasic = ({ id, secret }: ClientCredential): string =>
  `Basic ${Buffer.from(`${formEncode(id)}:${formEncode(secret)}`).toString('base64')}`
