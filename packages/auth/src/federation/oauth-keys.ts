import { createPublicKey, type KeyObject } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, importPKCS8, type JWK } from 'jose'
import type { CryptoKey, DecryptionKey } from 'openid-client'

/** A private key as the libraries want it, for one algorithm. */
export async function importPrivateKey(key: KeyObject, alg: string): Promise<CryptoKey> {
  return importPKCS8(key.export({ type: 'pkcs8', format: 'pem' }).toString(), alg)
}

const publicJwk = (key: KeyObject): Promise<JWK> => exportJWK(createPublicKey(key))

/** The name of a key: its thumbprint. Spec: RFC 7638. */
export const keyIdOf = async (key: KeyObject): Promise<string> => calculateJwkThumbprint(await publicJwk(key))

/** How a key of its kind encrypts keys of content; one that can do none is not for this. */
export function encryptionAlgsOf(key: KeyObject): readonly string[] {
  if (key.asymmetricKeyType === 'rsa') return ['RSA-OAEP-256', 'RSA-OAEP']
  const isP256 = key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1'
  return isP256 ? ['ECDH-ES', 'ECDH-ES+A128KW', 'ECDH-ES+A256KW'] : []
}

/** A key as openid-client decrypts with it. An RSA key is handed over once for each hash, an EC key once for all. */
export async function decryptionKeysOf(key: KeyObject): Promise<readonly DecryptionKey[]> {
  const kid = await keyIdOf(key)
  if (key.asymmetricKeyType !== 'rsa') return [{ key: await importPrivateKey(key, 'ECDH-ES'), kid }]
  return Promise.all(encryptionAlgsOf(key).map(async (alg) => ({ key: await importPrivateKey(key, alg), alg, kid })))
}

/** What a provider has to know of our keys: a key set, public halves alone. Spec: RFC 7517 section 5. */
export async function buildKeySet(keys: {
  readonly signing?: { readonly key: KeyObject; readonly alg: string } | undefined
  readonly decryption?: KeyObject | undefined
}): Promise<{ readonly keys: readonly JWK[] }> {
  const { signing, decryption } = keys
  const named = async (key: KeyObject): Promise<JWK> => ({ ...(await publicJwk(key)), kid: await keyIdOf(key) })
  return {
    keys: [
      ...(signing ? [{ ...(await named(signing.key)), use: 'sig', alg: signing.alg }] : []),
      ...(decryption ? [{ ...(await named(decryption)), use: 'enc' }] : []),
    ],
  }
}
