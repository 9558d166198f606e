import { X509Certificate } from 'node:crypto'
import { type Clock, clockTolerance } from '@gatehouse/core/time'
import type { Finding } from './provider.ts'
import { ProviderFailure } from './provider-failure.ts'
import type { SamlSettings } from './saml-settings.ts'
import type { KnownProvider } from './saml-source.ts'

const daysOfWarning = 30

/** Looks at what can be seen of a provider without signing in: its metadata, certificates, addresses and clock. */
export async function* examineSaml(
  known: KnownProvider,
  settings: SamlSettings,
  clock: Clock,
): AsyncGenerator<Finding> {
  let asked: Awaited<ReturnType<KnownProvider['ask']>>
  try {
    asked = await known.ask()
  } catch (error) {
    const says = error instanceof ProviderFailure ? error.detail : 'it cannot be read'
    yield { what: 'metadata', state: 'wrong', says }
    return
  }
  const { provider, clockOffset } = asked
  yield { what: 'metadata', state: 'ok', says: `it is ${provider.entityId}` }
  if (provider.validUntil !== undefined) {
    yield until('metadata', 'it is valid', provider.validUntil * 1000, clock)
  }
  if (clockOffset !== undefined) {
    const isRight = Math.abs(clockOffset) <= clockTolerance
    yield {
      what: 'clock',
      state: isRight ? 'ok' : 'wrong',
      says: `its clock and ours differ by ${Math.abs(clockOffset)} s`,
    }
  }
  for (const pem of provider.certificates) yield expiryOf('its certificate', pem, clock)
  if (settings.key) yield expiryOf('our certificate', settings.key.certificate, clock)
  for (const [binding, address] of Object.entries(provider.signOn)) {
    if (!address) continue
    const isSafe = address.startsWith('https:')
    yield {
      what: 'sign-in address',
      state: isSafe ? 'ok' : 'warning',
      says: `${binding}: ${address}${isSafe ? '' : ' is not https'}`,
    }
  }
  if (provider.wantsSignedRequests && !settings.signRequests) {
    yield {
      what: 'signed requests',
      state: 'wrong',
      says: 'it wants requests signed: set key_file and certificate_file',
    }
  }
  yield provider.signOut
    ? { what: 'single logout', state: 'ok', says: provider.signOut.request }
    : {
        what: 'single logout',
        state: 'warning',
        says: 'it says no address for it by the redirect binding: signing out here ends nothing there',
      }
}

const expiryOf = (what: string, pem: string, clock: Clock): Finding =>
  until(what, 'it is valid', Date.parse(new X509Certificate(pem).validTo), clock)

/** Signatures do not rest on a certificate's dates, so that what has expired is no more than a warning. */
function until(what: string, says: string, moment: number, clock: Clock): Finding {
  const days = Math.floor((moment - clock.milliseconds()) / 86_400_000)
  const date = new Date(moment).toISOString().slice(0, 10)
  if (days < 0) return { what, state: 'warning', says: `it was valid until ${date}: get the new one` }
  return { what, state: days < daysOfWarning ? 'warning' : 'ok', says: `${says} until ${date}` }
}
