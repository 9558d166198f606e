import type { WebhookProviderSettings } from '@gatehouse/auth/federation/webhook'
import * as Type from 'typebox'
import { isLoopback } from '../loopback.ts'
import { flag, text } from '../schema-words.ts'
import { isWeakSecret } from '../weak-secret.ts'
import { type ProviderContext, providerKind, shadowKey } from './provider-kind.ts'

/** A program of one's own that is asked over HTTP. */
export const webhookSchema = providerKind(
  'webhook',
  'A program of your own that is asked by a signed POST whether a name and a password belong together',
  {
    url: text('Where it is asked: https', { expected: 'an https URL' }),
    secret: text('The key of the signature, 32 characters or more; take it from the environment'),
    shadow: shadowKey,
    refresh: Type.Optional(flag('Whether it can be asked about somebody whom it has told of before', false)),
  },
)

type Section = Type.Static<typeof webhookSchema>

/** What the keys of a webhook mean; reports what cannot be meant. */
export function resolveWebhook(
  { url, secret, refresh = false }: Section,
  { development, report }: ProviderContext,
): WebhookProviderSettings {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  const isHere = development && parsed?.protocol === 'http:' && isLoopback(parsed.hostname)
  if ((parsed?.protocol !== 'https:' && !isHere) || parsed?.username !== '' || parsed.password !== '') {
    report(['url'], 'expected an https URL')
  }
  if (secret.length < 32 || (!development && isWeakSecret(secret))) {
    report(['secret'], 'can be guessed; make one of 32 characters or more with: openssl rand -base64 32')
  }
  return { url, secret, refresh }
}
