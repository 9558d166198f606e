import { dirname, join } from 'node:path'
import { developmentBase } from '../development/demo-data.ts'
import { openDevelopmentMasterKey } from '../development/master-key.ts'
import type { Configuration } from './configuration.ts'
import { loadConfiguration } from './load.ts'
import { isDatabaseFile, type ResolvedConfiguration } from './resolve.ts'

/**
 * Loads a configuration that can be run on: in development with the demo under it and a master key made beside the data.
 * Throws ConfigurationError.
 */
export async function loadForUse({
  file,
  development,
}: {
  readonly file: string
  readonly development: boolean
}): Promise<Configuration> {
  const resolved = await loadConfiguration({
    file,
    development,
    environment: process.env,
    ...(development ? { base: developmentBase } : {}),
  })
  const masterKey = resolved.masterKey ?? (development ? findDevelopmentKey(resolved) : undefined)
  // The checks have reported whatever could be missing here; this only tells the compiler.
  if (!masterKey || !resolved.routes) throw new Error('the configuration is incomplete')
  return { ...resolved, masterKey, routes: resolved.routes }
}

function findDevelopmentKey({ database, file: beside }: ResolvedConfiguration): { readonly key: Buffer } {
  const folder = isDatabaseFile(database) ? dirname(database) : join(dirname(beside), 'data')
  const { key, file, made } = openDevelopmentMasterKey(folder)
  if (made) process.stderr.write(`Made a master key for development: ${file}\n`)
  return { key }
}
