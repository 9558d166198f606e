import { createPublicKey } from 'node:crypto'
import { isRsaInBounds } from '@gatehouse/guard/signature'
import type { FactorRow } from '@gatehouse/store/rows'
import { type Assertion, type Attestation, credentialIdBytes } from './passkey-answers.ts'
import { passkeyAlgorithms, type RelyingParty } from './passkey-options.ts'

/** Loaded when it is used: a start need not wait for it. */
const loadVerification = () => import('@simplewebauthn/server')
const loadHelpers = () => import('@simplewebauthn/server/helpers')
type Helpers = Awaited<ReturnType<typeof loadHelpers>>

/** Columns of a key that has been made. */
export type MadeKey = Pick<FactorRow, 'credential_id' | 'public_key' | 'sign_count' | 'transports' | 'backed_up'>

/** What of a new key is kept; throws where it was not made as it was asked for. Spec: WebAuthn Level 3 section 7.1. */
export async function readMadePasskey(
  relyingParty: RelyingParty,
  { id, rawId, type, response }: Attestation,
): Promise<MadeKey> {
  const { verifyRegistrationResponse } = await loadVerification()
  const { clientDataJSON, attestationObject } = response
  const outcome = await verifyRegistrationResponse({
    response: { id, rawId, type, response: { clientDataJSON, attestationObject }, clientExtensionResults: {} },
    // Looked at before, when it was used up.
    expectedChallenge: () => true,
    expectedOrigin: relyingParty.origin,
    expectedRPID: relyingParty.id,
    requireUserVerification: true,
    supportedAlgorithmIDs: [...passkeyAlgorithms],
  })
  if (!outcome.verified) throw new Error('the attestation does not verify')
  const { credential, credentialBackedUp } = outcome.registrationInfo
  const size = Buffer.from(credential.id, 'base64url').length
  if (credential.id !== id || size === 0 || size > credentialIdBytes) throw new Error('an id that is not its own')
  await checkPublicKey(credential.publicKey)
  return {
    credential_id: id,
    public_key: Buffer.from(credential.publicKey).toString('base64url'),
    sign_count: credential.counter,
    transports: (response.transports ?? []).filter((transport) => /^[a-z-]{1,20}$/.test(transport)).join(' '),
    backed_up: credentialBackedUp ? 1 : 0,
  }
}

/** Throws for RSA that is weak, or that costs much to check with: whoever has made it shows it as often as he likes. */
async function checkPublicKey(publicKey: Parameters<Helpers['decodeCredentialPublicKey']>[0]): Promise<void> {
  const { cose, decodeCredentialPublicKey } = await loadHelpers()
  const decoded = decodeCredentialPublicKey(publicKey)
  if (!cose.isCOSEPublicKeyRSA(decoded)) return
  const [n, e] = [decoded.get(cose.COSEKEYS.n), decoded.get(cose.COSEKEYS.e)]
  const textOf = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('base64url')
  const key = { kty: 'RSA', n: textOf(n), e: textOf(e) }
  if (!isRsaInBounds(createPublicKey({ key, format: 'jwk' }))) throw new Error('an RSA key out of bounds')
}

/** What a passkey says of itself. */
export interface SeenPasskey {
  readonly count: number
  readonly isVerified: boolean
  readonly backedUp: 0 | 1
}

/** What a passkey says of itself, or why it says nothing; also throws. Spec: WebAuthn Level 3 section 7.2. */
export async function verifyShownPasskey(
  relyingParty: RelyingParty,
  row: FactorRow,
  { id, rawId, type, response }: Assertion,
): Promise<SeenPasskey | string> {
  const { verifyAuthenticationResponse } = await loadVerification()
  const { clientDataJSON, authenticatorData, signature } = response
  const { verified, authenticationInfo } = await verifyAuthenticationResponse({
    response: {
      ...{ id, rawId, type, clientExtensionResults: {} },
      response: { clientDataJSON, authenticatorData, signature },
    },
    // Looked at before, when it was used up.
    expectedChallenge: () => true,
    expectedOrigin: relyingParty.origin,
    expectedRPID: relyingParty.id,
    // What it is worth without is the judge's to say.
    requireUserVerification: false,
    // The counter is looked at once the signature is known to be right: a stranger must not raise the alarm.
    credential: { id, publicKey: Buffer.from(row.public_key ?? '', 'base64url'), counter: 0 },
  })
  if (!verified) return 'a wrong signature'
  const { newCounter, userVerified, credentialDeviceType, credentialBackedUp } = authenticationInfo
  if (row.backed_up === 1 && credentialDeviceType === 'singleDevice')
    return 'backed up before, and now it never could be'
  return { count: newCounter, isVerified: userVerified, backedUp: credentialBackedUp ? 1 : 0 }
}
