import { JsonFaultError, parseJsonObject } from '@gatehouse/core/json'
import * as Type from 'typebox'
import { Compile } from 'typebox/schema'

/** base64url without padding, of at most so many bytes. */
const binary = (bytes: number) => Type.String({ pattern: '^[A-Za-z0-9_-]*$', maxLength: Math.ceil((bytes * 4) / 3) })
const optional = <Schema extends Type.TSchema>(schema: Schema) => Type.Optional(Type.Union([schema, Type.Null()]))

/** Spec: WebAuthn Level 3 section 7.1 step 24. */
export const credentialIdBytes = 1023

const credential = {
  id: binary(credentialIdBytes),
  rawId: binary(credentialIdBytes),
  type: Type.Literal('public-key'),
}

/** What an authenticator answers to a challenge, as browsers write it: `PublicKeyCredential.toJSON()`. */
export const assertionSchema = Type.Object({
  ...credential,
  response: Type.Object({
    clientDataJSON: binary(4000),
    authenticatorData: binary(4000),
    signature: binary(2000),
    userHandle: optional(binary(64)),
  }),
})
export type Assertion = Type.Static<typeof assertionSchema>

/** What an authenticator says of a key that it has made, as browsers write it. */
export const attestationSchema = Type.Object({
  ...credential,
  response: Type.Object({
    clientDataJSON: binary(4000),
    attestationObject: binary(16_000),
    transports: optional(Type.Array(Type.String({ maxLength: 30 }), { maxItems: 10 })),
  }),
})
export type Attestation = Type.Static<typeof attestationSchema>

/** Characters that either can have. */
export const answerLength = 40_000

/** The JSON of a form's field, checked; undefined where it is not of that form. */
function parseAnswer<Schema extends Type.TSchema>(schema: Schema): (text: string) => Type.Static<Schema> | undefined {
  // Compiled when it is first used, since most starts never do.
  let validator: ReturnType<typeof Compile<Schema>> | undefined
  return (text) => {
    try {
      const value = parseJsonObject(text)
      validator ??= Compile(schema)
      return validator.Check(value) ? value : undefined
    } catch (error) {
      if (error instanceof JsonFaultError) return undefined
      throw error
    }
  }
}

export const parseAssertion = parseAnswer(assertionSchema)
export const parseAttestation = parseAnswer(attestationSchema)

/** What a browser says of where a challenge was answered. Spec: WebAuthn Level 3 section 5.8.1. */
export interface ClientData {
  readonly challenge: string
  /** Whether it was in a frame of another site. */
  readonly isFramed: boolean
}

/** Reads it as far as the verification does not; undefined for what is none. */
export function readClientData(text: string): ClientData | undefined {
  try {
    const { challenge, crossOrigin, topOrigin } = parseJsonObject(Buffer.from(text, 'base64url').toString('utf8'))
    if (typeof challenge !== 'string') return undefined
    return { challenge, isFramed: (crossOrigin ?? false) !== false || topOrigin !== undefined }
  } catch (error) {
    if (error instanceof JsonFaultError) return undefined
    throw error
  }
}
