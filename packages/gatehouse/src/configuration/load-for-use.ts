import { developmentBase } from '../development/demo-data.ts'
import { openDevelopmentMasterKey } from '../development/master-key.ts'
import type { Configuration } from './configuration.ts'
import { loadConfiguration } from './load.ts'

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
  const masterKey = resolved.masterKey ?? (development ? findDevelopmentKey(resolved.database) : undefined)
  // The checks have reported whatever could be missing here; this only tells the compiler.
  if (!masterKey || !resolved.routes) throw new Error('the configuration is incomplete')
  return { ...resolved, masterKey, routes: resolved.routes }
}

function findDevelopmentKey(database: string): { readonly key: Buffer } {
  const { key, file, made } = openDevelopmentMasterKey(database)
  if (made) process.stderr.write(`Made a master key for development: ${file}\n`)
  return { key }
}
