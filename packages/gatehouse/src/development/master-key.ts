import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseMasterKey } from '@gatehouse/auth/domain/key-rings'

/**
 * The master key of development mode: made at the first start and kept in the folder of the data, where a real one must never
 * be. Answers whether it was made now, so that the start can say so.
 */
export function openDevelopmentMasterKey(folder: string): {
  readonly key: Buffer
  readonly file: string
  readonly made: boolean
} {
  const file = join(folder, 'development.key')
  if (existsSync(file)) {
    const key = parseMasterKey(readFileSync(file, 'utf8'))
    if (!key) throw new Error(`${file} holds no master key; delete it together with the database`)
    return { key, file, made: false }
  }
  const key = randomBytes(32)
  mkdirSync(folder, { recursive: true })
  writeFileSync(file, `${key.toString('base64')}\n`, { mode: 0o600, flag: 'wx' })
  return { key, file, made: true }
}
