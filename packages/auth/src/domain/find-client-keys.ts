import { GatehouseError, reasonBehind } from '@gatehouse/core/errors'
import { type ClientKey, type EncryptionKey, type JwkSet, type ReadKeys, readKeySet } from './client-keys.ts'
import type { RemoteKeySets } from './remote-key-sets.ts'

/** A client, as far as its keys go: those registered by value, or the address of its key set. */
export interface KeyedClient {
  readonly id: string
  /** Signature keys of `jwks`. */
  readonly keys: readonly ClientKey[]
  readonly jwks?: JwkSet | undefined
  readonly jwksUri?: string | undefined
  /** Whether that may be in a private network. */
  readonly privateNetwork?: boolean | undefined
}

/** What a JOSE header says of the key. */
export interface KeyHint {
  readonly alg?: unknown
  readonly kid?: unknown
}

/** Finds the keys of clients, wherever they are registered. */
export interface ClientKeys {
  /**
   * The signature key that a header names or, where it names none, the only one for its algorithm. `undefined` where none
   * or several fit. Not a promise for keys registered by value. Error: `invalid_client` where a key set cannot be fetched.
   */
  findSignatureKey(client: KeyedClient, header: KeyHint): ClientKey | undefined | Promise<ClientKey | undefined>
  /**
   * The key to encrypt to. Errors: `invalid_client` where there is none for the algorithm, `temporarily_unavailable` where the key
   * set cannot be fetched.
   */
  getEncryptionKey(client: KeyedClient, alg: KeyEncryptionAlg): Promise<EncryptionKey>
}

/** How the key of an encrypted answer is transported. Spec: RFC 7518 section 4.1. */
export type KeyEncryptionAlg = 'ECDH-ES' | 'RSA-OAEP-256'

/** Without `keySets`, keys are found only where they are registered by value. */
export function createClientKeys({ keySets }: { readonly keySets?: RemoteKeySets | undefined }): ClientKeys {
  const encryptionKeys = new WeakMap<JwkSet, readonly EncryptionKey[]>()

  const fetched = async (uri: string, { privateNetwork }: KeyedClient, kid?: string): Promise<ReadKeys> => {
    if (keySets) return keySets.get(uri, { kid, allowsPrivate: privateNetwork })
    throw new GatehouseError('invalid_client', { cause: new Error(`${uri} is not fetched here`) })
  }

  const encryptionKeysOf = async (client: KeyedClient): Promise<readonly EncryptionKey[]> => {
    if (client.jwksUri !== undefined) return (await fetched(client.jwksUri, client).catch(rethrowUnread)).encryptionKeys
    if (client.jwks === undefined) return []
    const known = encryptionKeys.get(client.jwks) ?? readKeySet(client.jwks.keys).encryptionKeys
    encryptionKeys.set(client.jwks, known)
    return known
  }
  return {
    findSignatureKey(client, header) {
      if (client.jwksUri === undefined) return selectKey(client.keys, header)
      const kid = typeof header.kid === 'string' ? header.kid : undefined
      return fetched(client.jwksUri, client, kid).then(({ signatureKeys }) => selectKey(signatureKeys, header))
    },

    async getEncryptionKey(client, alg) {
      const fitting = (await encryptionKeysOf(client)).filter((key) => encryptsWith(key, alg))
      const key = fitting.find(({ isDeclared }) => isDeclared) ?? fitting[0]
      if (key) return key
      throw new GatehouseError('invalid_client', {
        description: `The client has no key for ${alg}`,
        cause: new Error(`no key of ${client.id} fits ${alg}`),
      })
    },
  }
}

/** Nobody has failed to prove who they are: an answer cannot be encrypted. */
function rethrowUnread(error: unknown): never {
  throw new GatehouseError('temporarily_unavailable', {
    description: 'The key set of this client (jwks_uri) cannot be read, and its answers are to be encrypted',
    retryAfter: 5,
    cause: reasonBehind(error),
  })
}

/** The one key that a header can mean; its own algorithm must be the one in the header (RFC 8725 section 3.1). */
function selectKey(keys: readonly ClientKey[], header: KeyHint): ClientKey | undefined {
  const named = header.kid === undefined ? keys : keys.filter((key) => key.kid === header.kid)
  const [key, ...others] = named.filter((candidate) => candidate.alg === header.alg)
  return others.length === 0 ? key : undefined
}

function encryptsWith({ alg, key }: EncryptionKey, wanted: KeyEncryptionAlg): boolean {
  if (alg !== undefined && alg !== wanted) return false
  return wanted === 'RSA-OAEP-256' ? key.asymmetricKeyType === 'rsa' : key.asymmetricKeyType !== 'rsa'
}
