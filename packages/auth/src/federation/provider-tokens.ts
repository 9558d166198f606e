import type { UserId } from '@gatehouse/core/brand'
import { randomToken } from '@gatehouse/core/random'
import type { Clock } from '@gatehouse/core/time'
import type { ProviderTokenRow } from '@gatehouse/store/rows'
import type { Store, Tables } from '@gatehouse/store/store'
import type { KeyRing } from '../domain/key-rings.ts'
import { sealUnder, unsealUnder } from '../domain/ring-sealing.ts'
import type { OutsideTokens } from './provider.ts'

/** Tokens as they were read. */
export interface KeptTokens {
  readonly tokens: OutsideTokens
  readonly row: ProviderTokenRow
}

/** Tokens that providers gave for users: sealed, and gone with the link. */
export interface ProviderTokens {
  put(
    tables: Pick<Tables, 'providerTokens'>,
    whose: { readonly provider: string; readonly subject: string; readonly user: UserId },
    tokens: OutsideTokens,
  ): Promise<void>
  find(provider: string, subject: string): Promise<KeptTokens | undefined>
  /** Newer ones in the place of those that were read; false where others have come meanwhile. */
  replace(before: KeptTokens, tokens: OutsideTokens): Promise<boolean>
}

const placeOf = ({ provider, subject }: { readonly provider: string; readonly subject: string }): string =>
  `provider_tokens.sealed:${provider}:${subject}`

export function createProviderTokens({
  store,
  clock,
  ring,
}: {
  readonly store: Pick<Store, 'providerTokens'>
  readonly clock: Clock
  readonly ring: KeyRing
}): ProviderTokens {
  const buildRow = (
    { provider, subject, user }: { readonly provider: string; readonly subject: string; readonly user: UserId },
    tokens: OutsideTokens,
  ): ProviderTokenRow => ({
    ...{ provider, subject, user_id: user, version: randomToken(12), updated_at: clock.now() },
    sealed: sealUnder(ring, JSON.stringify(tokens), placeOf({ provider, subject })),
  })

  return {
    put: (tables, whose, tokens) => tables.providerTokens.put(buildRow(whose, tokens)),

    async find(provider, subject) {
      const row = await store.providerTokens.find({ provider, subject })
      const text = row && unsealUnder(ring, row.sealed, placeOf(row))
      // Only `buildRow` above makes what opens here.
      return row && text !== undefined ? { row, tokens: JSON.parse(text) as OutsideTokens } : undefined
    },

    replace({ row }, tokens) {
      const { provider, subject, user_id, version } = row
      return store.providerTokens.replace({
        ...buildRow({ provider, subject, user: user_id }, tokens),
        before: version,
      })
    },
  }
}
