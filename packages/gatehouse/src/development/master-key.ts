import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseMasterKey } from '@gatehouse/auth/domain/key-rings'
import { isDatabaseFile } from '../configuration/resolve.ts'

/**
 * The master key of development mode: made at the first start and kept beside the database, where a real one must never
 * be. Answers whether it was made now, so that the start can say so.
 */
export function openDevelopmentMasterKey(database: string): {
  readonly key: Buffer
  readonly file: string
  readonly made: boolean
} {
  const folder = isDatabaseFile(database) ? dirname(database) : './data'
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
