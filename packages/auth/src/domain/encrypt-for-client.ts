import type { AnswerEncryption } from './client-settings.ts'
import type { ClientKeys, KeyedClient } from './find-client-keys.ts'

/**
 * Encrypts an answer to a client's own key: a compact JWE, never compressed. `cty` is `JWT` where the payload is one.
 * Spec: RFC 7516 section 7.1, RFC 7518 sections 4.3 and 4.6; RFC 8725 section 3.6 on compression.
 * Cost: key agreement or RSA on the thread pool; the client's keys may have to be fetched. Error: `invalid_client` where
 * the client has no key for it.
 */
export async function encryptFor(
  clientKeys: ClientKeys,
  client: KeyedClient,
  { alg, enc }: AnswerEncryption,
  payload: string,
  cty?: string,
): Promise<string> {
  const { kid, key } = await clientKeys.getEncryptionKey(client, alg)
  // Few clients ask for encryption: what it needs is loaded with the first that does.
  const { CompactEncrypt } = await import('jose/jwe/compact/encrypt')
  return new CompactEncrypt(Buffer.from(payload))
    .setProtectedHeader({ alg, enc, ...(kid === '' ? {} : { kid }), ...(cty === undefined ? {} : { cty }) })
    .encrypt(key)
}
