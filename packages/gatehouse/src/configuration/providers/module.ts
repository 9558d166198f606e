import { statSync } from 'node:fs'
import { extname, resolve } from 'node:path'
import type { ModuleSettings } from '@gatehouse/auth/federation/module'
import * as Type from 'typebox'
import { duration as readDuration } from '../duration.ts'
import { duration, flag, path } from '../schema-words.ts'
import { type ProviderContext, providerKind, shadowKey } from './provider-kind.ts'

/** A file of one's own. */
export const moduleSchema = providerKind(
  'module',
  'A JavaScript file of your own that exports `check`, or `start` and `finish`, and `refresh` if it likes',
  {
    file: path('The file', { expected: 'a file such as ./legacy-users.mjs' }),
    settings: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description: 'What it is handed with each call',
        expected: 'whatever the file wants to know, by name',
      }),
    ),
    redirects: Type.Optional(
      flag('Whether people are sent away, by `start` and `finish`; else names and passwords are asked for here', false),
    ),
    shadow: shadowKey,
    time_limit: Type.Optional(duration('How long each call may take; at most 9s', '3s')),
  },
)

type Section = Type.Static<typeof moduleSchema>

/** What the keys of a module mean; reports what cannot be meant. */
export function resolveModule(
  { file, settings = {}, time_limit: limit }: Section,
  { report }: ProviderContext,
): ModuleSettings {
  const fault = findFileFault(file)
  if (fault !== undefined) report(['file'], fault)
  const limitSeconds = readDuration(limit, 3, { least: 1, most: 9, key: ['time_limit'], report })
  return { file: resolve(file), settings, limitMs: limitSeconds * 1000 }
}

function findFileFault(file: string): string | undefined {
  const extension = extname(file)
  // Nothing before Node 22.18 runs TypeScript by itself.
  if (extension === '.ts' && !('typescript' in process.features && process.features.typescript)) {
    return `this Node (${process.version}) does not run TypeScript; compile it to JavaScript, and name that`
  }
  if (!['.mjs', '.js', '.ts'].includes(extension)) return 'expected a JavaScript file: .mjs or .js'
  return statSync(file, { throwIfNoEntry: false })?.isFile() ? undefined : `there is no file ${resolve(file)}`
}
