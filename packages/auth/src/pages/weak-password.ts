import type { GatehouseError } from '@gatehouse/core/errors'
import { isMessageKey } from '../messages/messages.ts'
import type { Look } from './look.ts'

/** Why a password will not do, as people are told. */
export function tellWeakness(look: Look, { details }: GatehouseError, minimum: number): string {
  const key = `password.weak_${details.members?.reason}`
  const why = look.text(isMessageKey(key) ? key : 'password.weak_common', { minimum })
  return look.text('password.weak', { why })
}
