import { ofProvider, paths } from '@gatehouse/core/paths'
import type { Clock } from '@gatehouse/core/time'
import type { SessionRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'
import type { Federation } from '../federation/federation.ts'
import type { Going } from '../federation/provider.ts'
import type { Cookies } from '../http/cookies.ts'
import type { BrowserRequest } from '../http/endpoint.ts'
import { noteProviderFailure } from './note-provider-failure.ts'

export interface LeavingDependencies {
  readonly issuer: string
  readonly store: Store
  readonly clock: Clock
  readonly federation: Federation
  readonly cookies: Cookies
}

/**
 * Where a browser goes to sign out at the provider too that its session rested on; undefined where it rested on none, where that
 * is not configured, or where the provider offers no way. It comes back, and goes on to `goesOnTo`. A provider that fails keeps
 * nobody from signing out here.
 */
export async function leaveProvider(
  dependencies: LeavingDependencies,
  { headers, address, requestId }: Omit<BrowserRequest, 'look'>,
  session: SessionRow,
  goesOnTo: string,
): Promise<Going | undefined> {
  const { issuer, federation, cookies } = dependencies
  const browser = cookies.findBrowser(headers)
  if (session.provider_session === null || browser === undefined) return undefined
  const row = await federation.sessions.find(session.provider_session)
  const settings = row && federation.providers.find(row.provider)
  const memory = row && federation.sessions.logoutMemoryOf(row)
  if (!row || !settings?.singleLogout || !memory) return undefined
  const { name: provider } = settings
  const state = federation.pending.newState()
  try {
    const going = await federation.providers.use(settings, async (opened) =>
      opened.signOut?.({
        ...{ subject: row.subject, session: row.sid ?? undefined, memory, state },
        comeBackTo: issuer + ofProvider(paths.federationLogout, provider),
      }),
    )
    if (!going) return undefined
    const errand = { kind: 'sign_out', goesOnTo } as const
    await federation.pending.begin({ provider, state, browser, errand, memory: {} })
    return going
  } catch (error) {
    await noteProviderFailure(dependencies, provider, { address, request_id: requestId }, error)
    return undefined
  }
}
