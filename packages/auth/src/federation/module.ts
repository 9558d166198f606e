import { pathToFileURL } from 'node:url'
import type { JsonObject } from '@gatehouse/core/json'
import { readModuleStart, readModuleUser, readModuleVerdict } from './module-answers.ts'
import { type ModuleDoor, type ModuleStart, ModuleThread, moduleDoors } from './module-thread.ts'
import { ModuleThreads } from './module-threads.ts'
import type { Finding, OutsideIdentity, Provider, ProviderParts, RedirectDoors } from './provider.ts'
import { ProviderFailure } from './provider-failure.ts'

/** What a provider that is a module of one's own is told. */
export interface ModuleSettings {
  /** Absolute. */
  readonly file: string
  /** Whatever it is handed with each call. */
  readonly settings: JsonObject
  /** For each call, in milliseconds. */
  readonly limitMs: number
}

/**
 * A JavaScript file of one's own: it exports `check`, or `start` and `finish`, and `refresh` if it likes. It runs in threads
 * with little memory and little time, and what it answers is JSON that is read as if a stranger had sent it.
 * Errors: `misconfigured` where it cannot be loaded or exports none of them.
 * Threats: code that loops, eats memory or answers nonsense costs one sign-in. It is no cage for code that nobody trusts: what
 * runs in a thread may open files and connections as Gatehouse may.
 */
export async function openModuleProvider(_: ProviderParts, settings: ModuleSettings): Promise<Provider> {
  const module: ModuleStart = {
    url: pathToFileURL(settings.file).href,
    settings: settings.settings,
    doors: moduleDoors,
  }
  const { thread, doors } = await ModuleThread.start({ module })
  if (!doors.has('check') && !(doors.has('start') && doors.has('finish'))) {
    thread.end()
    throw new ProviderFailure('misconfigured', `${settings.file} exports neither check nor start and finish`)
  }
  const threads = new ModuleThreads({ module, limitMs: settings.limitMs })
  threads.keep(thread)
  const ask = async (door: ModuleDoor, input: JsonObject): Promise<string> => threads.call({ door, input })
  const askForUser = async (door: ModuleDoor, input: JsonObject): Promise<OutsideIdentity | undefined> =>
    readModuleUser(await ask(door, input))

  return {
    ...(doors.has('start') && doors.has('finish') ? { redirect: redirectDoors(ask) } : {}),
    ...(doors.has('check')
      ? {
          check: async ({ username, password, address }) =>
            password === '' ? undefined : readModuleVerdict(await ask('check', { username, password, address })),
        }
      : {}),
    ...(doors.has('refresh') ? { refresh: ({ subject }) => refresh(subject) } : {}),
    examine: () => examine(module),
    close: () => threads.close(),
  }

  /** Whoever it answers with has to be the one it was asked about. */
  async function refresh(subject: string): Promise<OutsideIdentity | undefined> {
    const found = await askForUser('refresh', { subject })
    if (!found || found.subject === subject) return found
    throw new ProviderFailure('invalid_answer', 'the module answered about somebody else')
  }
}

const redirectDoors = (ask: (door: ModuleDoor, input: JsonObject) => Promise<string>): RedirectDoors => ({
  async start({ callback, state, loginHint, fresh, locales }) {
    return readModuleStart(await ask('start', { callback, state, loginHint, fresh, locales: [...locales] }))
  },
  async finish({ callback, state, parameters, binding, memory }) {
    const input = { callback, state, parameters: Object.fromEntries(parameters), binding, memory }
    const found = readModuleUser(await ask('finish', input))
    if (found) return found
    throw new ProviderFailure('refused', 'the module refused who came back')
  },
})

async function* examine(module: ModuleStart): AsyncIterable<Finding> {
  const what = 'module'
  try {
    const { thread, doors } = await ModuleThread.start({ module })
    thread.end()
    yield { what, state: 'ok', says: `it loads, and exports ${[...doors].join(', ')}` }
  } catch (error) {
    yield { what, state: 'wrong', says: error instanceof ProviderFailure ? error.detail : 'it cannot be loaded' }
  }
}
