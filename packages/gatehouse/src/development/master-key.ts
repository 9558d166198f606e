import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseMasterKey } from '@gatehouse/auth/domain/key-rings'

/** A master key, and where it lies. */
interface DevelopmentKey {
  readonly key: Buffer
  readonly file: string
}

const fileIn = (folder: string): string => join(folder, 'development.key')

/** The master key of development mode in the folder of the data; absent where none has been made. Throws where it is none. */
export function findDevelopmentMasterKey(folder: string): DevelopmentKey | undefined {
  const file = fileIn(folder)
  if (!existsSync(file)) return undefined
  const key = parseMasterKey(readFileSync(file, 'utf8'))
  if (!key) throw new Error(`${file} holds no master key; delete it together with the database`)
  return { key, file }
}

/** Makes it, at the first start. It is kept in the folder of the data, where a real one must never be. */
export function makeDevelopmentMasterKey(folder: string): DevelopmentKey {
  const file = fileIn(folder)
  const key = randomBytes(32)
  mkdirSync(folder, { recursive: true })
  writeFileSync(file, `${key.toString('base64')}\n`, { mode: 0o600, flag: 'wx' })
  return { key, file }
}
