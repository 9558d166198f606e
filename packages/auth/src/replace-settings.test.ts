import { afterAll, beforeAll, expect, it } from 'vitest'
import { createAuth } from './auth.ts'
import type { AuthSettings } from './auth-options.ts'
import { issuer, type StartedAuth, startAuth } from './testing/start-auth.ts'

let started: StartedAuth
beforeAll(async () => {
  started = await startAuth()
})
afterAll(() => started.close())

/** Settings that note by name what is read of them, and of the objects in them. */
function noteReads(settings: AuthSettings, read: Set<string>): AuthSettings {
  const noting = <T extends object>(value: T, at: string): T =>
    new Proxy(value, {
      get(target, name) {
        const found: unknown = Reflect.get(target, name)
        const path = `${at}${String(name)}`
        read.add(path)
        const isPlain = typeof found === 'object' && found !== null && Object.getPrototypeOf(found) === Object.prototype
        return isPlain ? noting(found, `${path}.`) : found
      },
    })
  return noting(settings, '')
}

it('what a reload may change is not kept from the start on: it is read at each use, or replaced by name', async () => {
  const read = new Set<string>()
  const auth = await createAuth({
    ...{ issuer, store: started.store, clock: started.clock, masterKey: { key: Buffer.alloc(32, 7) } },
    ...{ loginApi: true, allowLoopbackRequests: true, hint: async () => {} },
    settings: noteReads(started.settings, read),
    hashing: { atATime: 1, mayWait: 1 },
    counters: {
      onSignIn: () => {},
      onIssued: () => {},
      onValidated: () => {},
      onMail: () => {},
      onBreachedLookupFailure: () => {},
    },
  })
  await auth.passwords.close()
  auth.close()
  // These `replaceSettings` hands on.
  expect([...read].sort()).toEqual(['apps', 'audience', 'clients', 'providers', 'services'])
})
