import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { ClientAuthentication } from '@gatehouse/auth/federation/oauth-client-authentication'
import { ownParameters } from '@gatehouse/auth/federation/oidc-settings'
import { isLoopback } from '../loopback.ts'
import type { Report } from '../problem.ts'
import type { ProviderContext } from './provider-kind.ts'

/** The keys of `clientKeys`, as they were read. */
export interface ClientSection {
  readonly client_id: string
  readonly client_secret?: string
  readonly auth_method?: 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt' | 'none'
  readonly private_key_file?: string
  readonly private_key_alg?: string
  readonly client_assertion_audience?: 'issuer' | 'token_endpoint'
}

/** How Gatehouse proves itself, and reports what is missing for it or not used by it. */
export function resolveClientAuthentication(section: ClientSection, { report }: ProviderContext): ClientAuthentication {
  const { client_secret: secret, private_key_file: file } = section
  const method = section.auth_method ?? (file !== undefined ? 'private_key_jwt' : 'client_secret_basic')
  if (method === 'none') {
    if (secret !== undefined) report(['client_secret'], 'is not used with auth_method none: leave one of them out')
    return { method }
  }
  if (method === 'private_key_jwt') {
    if (secret !== undefined) report(['client_secret'], 'is not used with private_key_jwt: leave it out')
    if (file === undefined) report(['private_key_file'], 'missing; private_key_jwt needs it')
    const key = file === undefined ? undefined : readPrivateKey(file, ['private_key_file'], report)
    if (!key) return { method: 'none' }
    return {
      ...{ method, key, alg: algFor(key, section.private_key_alg, report) },
      audience: section.client_assertion_audience ?? 'issuer',
    }
  }
  if (secret === undefined) {
    report(['client_secret'], 'missing; or give private_key_file, or auth_method: none for a client without a secret')
    return { method: 'none' }
  }
  return { method, secret }
}

/** Reads a private key, and reports one that cannot be read. */
export function readPrivateKey(file: string, key: readonly string[], report: Report): KeyObject | undefined {
  try {
    return createPrivateKey(readFileSync(file))
  } catch {
    report(key, `${file} is no private key in PEM without a passphrase, or cannot be read`)
    return undefined
  }
}

const curves: Readonly<Record<string, string>> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' }

/** What a key can sign with; the first is taken unless the file says otherwise. */
function algsOf(key: KeyObject): readonly string[] {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  if (type === 'rsa' && (details?.modulusLength ?? 0) >= 2048) return ['RS256', 'PS256']
  if (type === 'ed25519') return ['EdDSA']
  return type === 'ec' ? [curves[details?.namedCurve ?? '']].filter((alg) => alg !== undefined) : []
}

function algFor(key: KeyObject, asked: string | undefined, report: Report): string {
  const algs = algsOf(key)
  const [usual] = algs
  if (usual === undefined) {
    report(['private_key_file'], 'expected an RSA key of 2048 bits or more, an EC key (P-256, P-384, P-521) or Ed25519')
  } else if (asked !== undefined && !algs.includes(asked)) {
    report(['private_key_alg'], `this key signs with ${algs.join(' or ')}`)
  }
  return asked ?? usual ?? 'RS256'
}

/** Reports an address that is not https; in development this machine may be asked in clear. */
export function checkUrl(
  text: string,
  key: readonly (string | number)[],
  { development, report }: ProviderContext,
): void {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isHere = development && url?.protocol === 'http:' && isLoopback(url.hostname)
  if (!url || (url.protocol !== 'https:' && !isHere) || url.username !== '' || url.hash !== '') {
    report(key, 'expected an https URL')
  }
}

/** Further parameters of the request; reports those that Gatehouse says itself. */
export function resolveParameters(
  parameters: Readonly<Record<string, string>> | undefined,
  { report }: ProviderContext,
): Readonly<Record<string, string>> {
  for (const [name, value] of Object.entries(parameters ?? {})) {
    const key = ['authorization_parameters', name]
    if (ownParameters.has(name)) report(key, 'is said by Gatehouse itself: leave it out')
    if (name === 'prompt' && value.split(' ').includes('none')) report(key, 'nobody could sign in there then')
  }
  return parameters ?? {}
}
