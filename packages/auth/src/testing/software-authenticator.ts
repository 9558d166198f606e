import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import type { Assertion, Attestation } from '../domain/passkey-answers.ts'
import type { CreationOptions, RequestOptions } from '../domain/passkey-options.ts'

/** What an answer says otherwise than a good authenticator in a good browser would. */
export interface AnswerChanges {
  readonly origin?: string
  readonly challenge?: string
  readonly type?: string
  /** Further members of the client data. */
  readonly clientData?: Readonly<Record<string, unknown>>
  readonly rpId?: string
  readonly isPresent?: boolean
  readonly isVerified?: boolean
  readonly canBeBackedUp?: boolean
  readonly isBackedUp?: boolean
  readonly count?: number
  /** Bytes; of a new credential alone. */
  readonly credentialId?: Buffer
  /** A curve whose algorithm nobody has asked for; of a new credential alone. */
  readonly curve?: 'P-384'
  /** A pair of RSA in place of an ES256 one; of a new credential alone. */
  readonly rsa?: { readonly publicKey: KeyObject; readonly privateKey: KeyObject }
  /** base64url; null = it says none. Of an assertion alone. */
  readonly userHandle?: string | null
}

interface Credential {
  readonly id: string
  readonly rpId: string
  readonly userHandle: string
  readonly privateKey: KeyObject
  count: number
}

type CborValue = number | string | Buffer | ReadonlyMap<number | string, CborValue>

const head = (major: number, value: number): Buffer => {
  if (value < 24) return Buffer.from([(major << 5) | value])
  if (value < 256) return Buffer.from([(major << 5) | 24, value])
  return Buffer.from([(major << 5) | 25, value >> 8, value & 255])
}

/** CBOR of what authenticators say. Spec: RFC 8949 section 3. */
function encode(value: CborValue): Buffer {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value)
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)])
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value])
  const entries = value as ReadonlyMap<number | string, CborValue> // all that is left
  return Buffer.concat([head(5, entries.size), ...[...entries].flatMap(([name, one]) => [encode(name), encode(one)])])
}

const sha256 = (data: Buffer | string): Buffer => createHash('sha256').update(data).digest()
const bytesOf = (part: string | undefined): Buffer => Buffer.from(part ?? '', 'base64url')

/** A COSE key. Spec: RFC 9053 section 7.1.1, RFC 8230 section 4. */
function coseKey(publicKey: KeyObject, curve: 'P-256' | 'P-384'): Buffer {
  const { kty, x, y, n, e } = publicKey.export({ format: 'jwk' })
  if (kty === 'RSA') {
    const rsa: [number, CborValue][] = [
      [1, 3],
      [3, -257],
      [-1, bytesOf(n)],
      [-2, bytesOf(e)],
    ]
    return encode(new Map(rsa))
  }
  const isSmall = curve === 'P-256'
  const members: [number, CborValue][] = [
    [1, 2],
    [3, isSmall ? -7 : -35],
    [-1, isSmall ? 1 : 2],
    [-2, bytesOf(x)],
    [-3, bytesOf(y)],
  ]
  return encode(new Map(members))
}

/**
 * An authenticator in memory, and the browser that it is used in: ES256 keys that are found without a name. Everything
 * that it says can be made wrong.
 */
export class SoftwareAuthenticator {
  readonly #origin: string
  readonly credentials: Credential[] = []

  constructor(origin: string) {
    this.#origin = origin
  }

  /** What `navigator.credentials.create` would answer. */
  create(options: CreationOptions, changes: AnswerChanges = {}): Attestation {
    const curve = changes.curve ?? 'P-256'
    const { publicKey, privateKey } = changes.rsa ?? generateKeyPairSync('ec', { namedCurve: curve })
    const id = changes.credentialId ?? randomBytes(32)
    const credential: Credential = {
      ...{ id: id.toString('base64url'), rpId: options.rp.id, userHandle: options.user.id, privateKey },
      count: changes.count ?? 0,
    }
    this.credentials.push(credential)
    const length = Buffer.from([id.length >> 8, id.length & 255])
    const attested = Buffer.concat([Buffer.alloc(16), length, id, coseKey(publicKey, curve)])
    const authData = Buffer.concat([this.#authData(credential, changes, 0x40), attested])
    const attestationObject = encode(
      new Map<string, CborValue>([
        ['fmt', 'none'],
        ['attStmt', new Map()],
        ['authData', authData],
      ]),
    )
    return {
      ...{ id: credential.id, rawId: credential.id, type: 'public-key' },
      response: {
        clientDataJSON: this.#clientData('webauthn.create', options.challenge, changes).toString('base64url'),
        attestationObject: attestationObject.toString('base64url'),
        transports: ['internal', 'hybrid'],
      },
    }
  }

  /** What `navigator.credentials.get` would answer: by the first credential that is allowed, or the newest. */
  get(options: RequestOptions, changes: AnswerChanges = {}): Assertion {
    const allowed = options.allowCredentials.map(({ id }) => id)
    const credential = this.credentials.findLast(({ id }) => allowed.length === 0 || allowed.includes(id))
    if (!credential) throw new Error('no credential that is allowed')
    credential.count += 1
    const clientData = this.#clientData('webauthn.get', options.challenge, changes)
    const authData = this.#authData(credential, changes, 0)
    const signature = sign('sha256', Buffer.concat([authData, sha256(clientData)]), credential.privateKey)
    return {
      ...{ id: credential.id, rawId: credential.id, type: 'public-key' },
      response: {
        clientDataJSON: clientData.toString('base64url'),
        authenticatorData: authData.toString('base64url'),
        signature: signature.toString('base64url'),
        userHandle: changes.userHandle === undefined ? credential.userHandle : changes.userHandle,
      },
    }
  }

  #clientData(type: string, challenge: string, changes: AnswerChanges): Buffer {
    const said = {
      type: changes.type ?? type,
      challenge: changes.challenge ?? challenge,
      origin: changes.origin ?? this.#origin,
      crossOrigin: false,
      ...changes.clientData,
    }
    return Buffer.from(JSON.stringify(said))
  }

  /** Spec: WebAuthn Level 3 section 6.1. */
  #authData(credential: Credential, changes: AnswerChanges, more: number): Buffer {
    const { isPresent = true, isVerified = true, canBeBackedUp = true, isBackedUp = false } = changes
    const flags = (isPresent ? 1 : 0) | (isVerified ? 4 : 0) | (canBeBackedUp ? 8 : 0) | (isBackedUp ? 16 : 0) | more
    const count = Buffer.alloc(4)
    count.writeUInt32BE(changes.count ?? credential.count)
    return Buffer.concat([sha256(changes.rpId ?? credential.rpId), Buffer.from([flags]), count])
  }
}
