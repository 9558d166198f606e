import { readFileSync, statSync } from 'node:fs'
import { parseMasterKey } from '@gatehouse/auth/domain/key-rings'
import type { Report } from './problem.ts'
import type { ConfigurationFile } from './schema.ts'

const howToMake = 'make one with: openssl rand -base64 32'

/**
 * The master key from the environment or from a file that nobody else can read. `undefined` = reported, or in development,
 * where one is made beside the data.
 */
export function resolveMasterKey(
  content: ConfigurationFile,
  { development, report }: { readonly development: boolean; readonly report: Report },
): { readonly key: Buffer; readonly previous?: Buffer | undefined } | undefined {
  if (content.master_key !== undefined && content.master_key_file !== undefined) {
    report(['master_key_file'], 'give master_key or master_key_file, not both')
    return undefined
  }
  const text =
    content.master_key ??
    (content.master_key_file === undefined ? undefined : readKeyFile(content.master_key_file, report))
  if (text === undefined) {
    if (!development && content.master_key_file === undefined) {
      report(
        ['master_key'],
        `missing; it wraps every key in the database. Set it to \${GATEHOUSE_KEY}, and ${howToMake}`,
      )
    }
    return undefined
  }
  const key = parseMasterKey(text)
  if (!key || new Set(key).size < 8) {
    report(
      [content.master_key === undefined ? 'master_key_file' : 'master_key'],
      /^\$\w+$/.test(text)
        ? `is no variable without braces; expected \${${text.slice(1)}}`
        : `expected 32 random bytes as base64 or hexadecimal; ${howToMake}`,
    )
    return undefined
  }
  if (content.master_key_previous === undefined) return { key }
  const previous = parseMasterKey(content.master_key_previous)
  if (!previous) report(['master_key_previous'], 'expected 32 bytes as base64 or hexadecimal')
  return { key, previous }
}

function readKeyFile(file: string, report: Report): string | undefined {
  try {
    if ((statSync(file).mode & 0o077) !== 0) {
      report(['master_key_file'], `${file} can be read by others; make it yours alone with: chmod 600 ${file}`)
      return undefined
    }
    return readFileSync(file, 'utf8')
  } catch {
    report(['master_key_file'], `${file} cannot be read`)
    return undefined
  }
}
