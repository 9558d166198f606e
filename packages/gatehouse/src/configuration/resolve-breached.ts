import { existsSync } from 'node:fs'
import type { BreachedPasswordSource } from '@gatehouse/auth/domain/breached-passwords'
import type { Report } from './problem.ts'
import type { ConfigurationFile } from './schema.ts'

/** Where passwords are looked up that are known from breaches, if anywhere. */
export function resolveBreached(
  { passwords }: ConfigurationFile,
  { development, report }: { readonly development: boolean; readonly report: Report },
): BreachedPasswordSource | undefined {
  const { file, url } = passwords?.breached ?? {}
  const key = ['passwords', 'breached']
  if (file !== undefined && url !== undefined) report(key, 'give file or url, not both')
  if (file !== undefined) {
    if (!existsSync(file)) report([...key, 'file'], `${file} cannot be read`)
    return { kind: 'file', path: file }
  }
  if (url === undefined) return undefined
  const { protocol } = URL.canParse(url) ? new URL(url) : { protocol: '' }
  if (protocol !== 'https:' && !(development && protocol === 'http:')) {
    report([...key, 'url'], 'expected an https URL such as https://api.pwnedpasswords.com/range')
  }
  return { kind: 'url', url }
}
