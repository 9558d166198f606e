import type { Clock } from '@gatehouse/core/time'
import type { FactorRow } from '@gatehouse/store/rows'
import type { Tables } from '@gatehouse/store/store'
import { recordEvent } from './audit.ts'
import type { Notices } from './notices.ts'
import { replaceRecoveryCodes } from './recovery-codes.ts'
import { isShowable } from './shown-text.ts'
import type { Actor } from './users.ts'

/** A factor that has been added. */
export interface AddedFactor {
  /** The recovery codes that came with it, told this once; undefined where the user has some already. */
  readonly recoveryCodes: readonly string[] | undefined
}

/** What a user calls a factor: their own words where they can be shown, and those of the kind otherwise. */
export function factorName(text: string, otherwise: string): string {
  const name = text.slice(0, 60).trim()
  return isShowable(name) ? name : otherwise
}

/**
 * Adds a factor of any kind, in a transaction, and tells its user so: the first one comes with recovery codes. Error:
 * `already_exists`.
 */
export async function addFactor(
  { clock, notices }: { readonly clock: Clock; readonly notices: Notices },
  tables: Tables,
  row: FactorRow,
  by: Actor,
): Promise<AddedFactor> {
  const { user_id, kind } = row
  const isFirst = (await tables.recoveryCodes.count(user_id)) === 0
  await tables.factors.insert(row)
  await notices.tell(tables, 'factor_added', { user: user_id, what: row.name, by })
  await recordEvent(tables, clock, { type: 'factor_added', result: 'ok', target: user_id, detail: { kind }, ...by })
  return { recoveryCodes: isFirst ? await replaceRecoveryCodes(tables, clock, user_id) : undefined }
}
