import { addUser, canonicalName } from '@gatehouse/auth/domain/users'
import type { Clock } from '@gatehouse/core/time'
import type { Store } from '@gatehouse/store/store'
import type { Program } from '../compose.ts'

/** The demo users' password: long enough for the rules, and known to everybody who reads the README. */
export const demoPassword = 'wonderland-tea-party'

/** Somebody who is there in development mode. */
interface DemoUser {
  readonly username: string
  readonly scopes: readonly string[]
  readonly roles: readonly string[]
  readonly email: string
}

/** Who is there, and what they may do. */
export const demoUsers: readonly [alice: DemoUser, bob: DemoUser] = [
  { username: 'alice', scopes: ['orders:read', 'orders:write'], roles: ['clerk'], email: 'alice@example.com' },
  { username: 'bob', scopes: ['orders:read'], roles: [], email: 'bob@example.com' },
]

const demoApp = {
  redirect_uris: ['http://127.0.0.1:39002/cb'],
  post_logout_redirect_uris: ['http://127.0.0.1:39002/'],
  scopes: ['orders:read', 'orders:write', 'inventory:read', 'roles'],
  audiences: ['*'],
}

/** What development mode puts under a configuration file: an issuer on this machine, a service client and two apps. */
export const developmentBase = {
  issuer: 'http://localhost:8080',
  listen: '127.0.0.1:8080',
  clients: {
    'demo-service': {
      secret: 'demo-service-secret',
      scopes: ['orders:read', 'inventory:read'],
      introspects: ['http://localhost:8080'],
    },
    'demo-web': {
      ...demoApp,
      client_name: 'Demo web app',
      secret: 'demo-web-secret',
      auth_method: 'client_secret_basic',
    },
    'demo-spa': { ...demoApp, client_name: 'Demo single-page app', public: true },
  },
} as const

/** Adds the demo users that are not there yet. Development mode alone calls this. */
export async function addDemoUsers(
  { store, clock }: { readonly store: Store; readonly clock: Clock },
  { auth }: Program,
): Promise<void> {
  for (const user of demoUsers) {
    if (await store.users.findByCanonicalName(canonicalName(user.username) ?? '')) continue
    await addUser(
      { store, clock, passwords: auth.passwords, revocations: auth.revocations },
      { ...user, password: demoPassword, minimumPasswordLength: 15 },
      { actor: 'development' },
    )
  }
}
