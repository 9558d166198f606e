import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

/** What a test certificate says. */
export interface CertificateRequest {
  /** Attributes of the subject in their order in the certificate; a list within is one RDN of several. */
  readonly subject: readonly (Attribute | readonly Attribute[])[]
  /** Subject alternative names. */
  readonly names?: readonly AlternativeName[]
  /** Who signs it; absent = itself. */
  readonly issuer?: TestCertificate
  /** Whether it may sign others. */
  readonly authority?: boolean
  /** What it is for alone; left out = it says nothing of that. */
  readonly purposes?: readonly (keyof typeof purposeTypes)[]
  /** Years; 2020 to 2099 unless said otherwise. */
  readonly years?: readonly [from: number, to: number]
  /** A new P-256 pair unless said otherwise. */
  readonly keys?: { readonly publicKey: KeyObject; readonly privateKey: KeyObject }
}

/** An attribute's type and text. */
export type Attribute = readonly [type: keyof typeof attributeTypes, text: string]
/** A subject alternative name; an address is given as its bytes. */
export type AlternativeName =
  | { readonly kind: 'email' | 'dns' | 'uri'; readonly text: string }
  | { readonly kind: 'ip'; readonly bytes: readonly number[] }

/** A certificate with its key. */
export interface TestCertificate {
  /** PEM. */
  readonly cert: string
  /** PEM, PKCS #8. */
  readonly key: string
  readonly keys: { readonly publicKey: KeyObject; readonly privateKey: KeyObject }
  /** The subject's DER, as issued certificates repeat it. */
  readonly name: Buffer
}

const attributeTypes = {
  CN: '550403',
  C: '550406',
  L: '550407',
  O: '55040a',
  OU: '55040b',
  DC: '0992268993f22c640119',
  UID: '0992268993f22c640101',
} as const

/** Spec: RFC 5280 section 4.2.1.12. */
const purposeTypes = { server: '2b06010505070301', client: '2b06010505070302', any: '551d2500' } as const

const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts)
  const { length } = content
  const encoded = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...encoded]), content])
}
const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts)
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'))
const moment = (year: number): Buffer => der(0x18, Buffer.from(`${year}0101000000Z`))
const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'))
const nameTags = { email: 0x81, dns: 0x82, uri: 0x86, ip: 0x87 } as const

const buildName = (subject: CertificateRequest['subject']): Buffer =>
  sequence(
    ...subject.map((entry) => {
      const attributes = (typeof entry[0] === 'string' ? [entry] : entry) as readonly Attribute[] // told apart just before
      return der(
        0x31,
        ...attributes.map(([type, text]) => sequence(oid(attributeTypes[type]), der(0x0c, Buffer.from(text)))),
      )
    }),
  )

function buildExtensions({ names = [], authority = false, purposes = [] }: CertificateRequest): Buffer {
  const critical = der(0x01, Buffer.from([255]))
  const constraints = sequence(oid('551d13'), critical, der(0x04, sequence(...(authority ? [critical] : []))))
  const alternatives = names.map((name) =>
    der(nameTags[name.kind], name.kind === 'ip' ? Buffer.from(name.bytes) : Buffer.from(name.text)),
  )
  const list = alternatives.length === 0 ? [] : [sequence(oid('551d11'), der(0x04, sequence(...alternatives)))]
  const use = sequence(...purposes.map((purpose) => oid(purposeTypes[purpose])))
  const usage = purposes.length === 0 ? [] : [sequence(oid('551d25'), der(0x04, use))]
  return der(0xa3, sequence(constraints, ...usage, ...list))
}

/** A new X.509 v3 certificate, ECDSA with SHA-256: by itself or by another one made here. */
export function buildCertificate(request: CertificateRequest): TestCertificate {
  const keys = request.keys ?? generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = buildName(request.subject)
  const [from, to] = request.years ?? [2020, 2099]
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1, ...randomBytes(8)])),
    ecdsaWithSha256,
    request.issuer?.name ?? name,
    sequence(moment(from), moment(to)),
    name,
    keys.publicKey.export({ type: 'spki', format: 'der' }),
    buildExtensions(request),
  )
  const signer = request.issuer?.keys.privateKey ?? keys.privateKey
  const whole = sequence(body, ecdsaWithSha256, der(0x03, Buffer.from([0]), sign('sha256', body, signer)))
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${(whole.toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END CERTIFICATE-----\n`,
    key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    keys,
    name,
  }
}
