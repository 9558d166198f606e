import { GatehouseError } from '@gatehouse/core/errors'
import type { KeySource } from '@gatehouse/guard/access-token'
import { parseCompactToken, parseJsonPart } from '@gatehouse/guard/compact-token'
import { isSignedBy } from '@gatehouse/guard/signature'

/** What an ID token of ours says, once its signature has been checked. */
export interface IdTokenHint {
  readonly sub: string
  readonly clientId: string
  readonly sid: string | undefined
}

/**
 * Reads an ID token that we have issued, expired or not. Spec: OpenID Connect Core section 3.1.2.1, RP-Initiated Logout
 * section 2. Error: `invalid_request` for anything else, also for other kinds of tokens of ours.
 * Cost: one signature check.
 */
export function readIdTokenHint(
  { issuer, keys }: { readonly issuer: string; readonly keys: KeySource },
  hint: string,
): IdTokenHint {
  const token = parseCompactToken(hint)
  const header = token && parseJsonPart(token.headerPart)
  if (!token || header?.typ !== 'JWT' || 'crit' in header || typeof header.kid !== 'string') throw refused()
  const key = keys.find(header.kid)
  if (!key || key.alg !== header.alg) throw refused()
  const signed = Buffer.from(hint.slice(0, token.signedLength))
  if (!isSignedBy(key, signed, Buffer.from(token.signaturePart, 'base64url'))) throw refused()
  const { iss, sub, aud, sid, exp, events } = parseJsonPart(token.payloadPart) ?? {}
  if (
    iss !== issuer ||
    typeof sub !== 'string' ||
    typeof aud !== 'string' ||
    typeof exp !== 'number' ||
    events !== undefined
  )
    throw refused()
  return { sub, clientId: aud, sid: typeof sid === 'string' ? sid : undefined }
}

const refused = (): GatehouseError =>
  new GatehouseError('invalid_request', { description: 'The id_token_hint is not an ID token of this issuer' })
