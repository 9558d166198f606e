import { isUtf8 } from 'node:buffer'
import { createHmac, randomBytes } from 'node:crypto'
import type { AccessTokenClaims } from '@gatehouse/core/contracts'
import { JsonFaultError, type JsonObject, parseJsonObject } from '@gatehouse/core/json'
import { opaqueTokenPrefix } from '@gatehouse/core/wire-names'
import type { KeyRing } from './key-rings.ts'
import { seal, unseal } from './sealing.ts'

/** Makes and opens access tokens that say nothing to those who carry them. */
export interface SealedTokens {
  /**
   * `gha_<key id>.<salt><sealed claims>`: the claims of an access token, readable here alone. No row is written.
   * Cost: one HMAC and one AES-256-GCM, 20 us.
   */
  seal(claims: AccessTokenClaims): string
  /** What was sealed, and under which key; `undefined` for anything that was not sealed here, letter for letter. */
  open(token: string): { readonly kid: string; readonly claims: JsonObject } | undefined
}

/** Whether a text looks like a sealed token. Nothing about it is believed yet. */
export const isSealedToken = (token: string): boolean => token.startsWith(opaqueTokenPrefix)

const saltBytes = 16
const form = /^gha_([\w-]{1,32})\.([\w-]{22})([\w-]{39,8000})$/

/**
 * Builds them on the ring `access-token`. Each token has a key of its own, made of the ring's key and a salt: random
 * nonces under one key would begin to repeat within the tokens that a busy installation issues in some months.
 */
export const createSealedTokens = (ring: KeyRing): SealedTokens => ({
  seal(claims) {
    const { id, key } = ring.current
    const salt = randomBytes(saltBytes).toString('base64url')
    const plaintext = Buffer.from(JSON.stringify(claims))
    return `${opaqueTokenPrefix}${id}.${salt}${seal(keyOf(key, salt), plaintext, placeOf(id))}`
  },

  open(token) {
    const [, id = '', salt = '', sealed = ''] = form.exec(token) ?? []
    const ringKey = ring.find(id)
    if (!ringKey) return undefined
    const plaintext = unseal(keyOf(ringKey.key, salt), sealed, placeOf(id))
    if (!plaintext || !isUtf8(plaintext)) return undefined
    try {
      return { kid: `${opaqueTokenPrefix}${id}`, claims: parseJsonObject(plaintext.toString('utf8'), { unique: true }) }
    } catch (error) {
      if (error instanceof JsonFaultError) return undefined
      throw error
    }
  },
})

const keyOf = (ringKey: Buffer, salt: string): Buffer => createHmac('sha256', ringKey).update(salt).digest()

const placeOf = (id: string): string => `access_token:${id}`
