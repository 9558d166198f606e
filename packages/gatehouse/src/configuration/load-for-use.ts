import { dirname, join } from 'node:path'
import { developmentBase } from '../development/demo-data.ts'
import { findDevelopmentMasterKey, makeDevelopmentMasterKey } from '../development/master-key.ts'
import type { Configuration } from './configuration.ts'
import { loadConfiguration } from './load.ts'
import { isDatabaseFile, type ResolvedConfiguration } from './resolve.ts'

/** A configuration that can be used for all that needs no key. */
export type KeylessConfiguration = Omit<Configuration, 'masterKey'> & Pick<ResolvedConfiguration, 'masterKey'>

interface Source {
  readonly file: string
  readonly development: boolean
}

/**
 * Loads a configuration for a command that looks at what there is: in development with the demo under it. Makes nothing. Throws
 * ConfigurationError.
 */
export async function loadForCommand({ file, development }: Source): Promise<KeylessConfiguration> {
  const resolved = await loadConfiguration({
    file,
    development,
    environment: process.env,
    ...(development ? { base: developmentBase } : {}),
  })
  // The checks have reported whatever could be missing here; this only tells the compiler.
  if (!resolved.routes) throw incomplete()
  return { ...resolved, routes: resolved.routes }
}

/** Loads a configuration to be run on: as {@link loadForCommand}, and in development with a master key made beside the data. */
export async function loadForUse(source: Source): Promise<Configuration> {
  const configuration = await loadForCommand(source)
  if (configuration.masterKey || !configuration.development)
    return { ...configuration, masterKey: getMasterKey(configuration) }
  const folder = folderOfKey(configuration)
  const found = findDevelopmentMasterKey(folder)
  if (found) return { ...configuration, masterKey: { key: found.key } }
  const { key, file } = makeDevelopmentMasterKey(folder)
  process.stderr.write(`Made a master key for development: ${file}\n`)
  return { ...configuration, masterKey: { key } }
}

/** The master key of a configuration, for who must find it there. Makes nothing. */
export function getMasterKey(configuration: KeylessConfiguration): Configuration['masterKey'] {
  if (configuration.masterKey) return configuration.masterKey
  if (!configuration.development) throw incomplete()
  const folder = folderOfKey(configuration)
  const found = findDevelopmentMasterKey(folder)
  if (found) return { key: found.key }
  throw new Error(
    `there is no development.key in ${folder}, which \`gatehouse dev\` makes and which opens what is in the database; put it back, or begin with an empty database`,
  )
}

/** Where the master key of development lies: beside the data. */
const folderOfKey = ({ database, file }: KeylessConfiguration): string =>
  isDatabaseFile(database) ? dirname(database) : join(dirname(file), 'data')

const incomplete = (): Error => new Error('the configuration is incomplete')
