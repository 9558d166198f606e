import { GatehouseError } from '@gatehouse/core/errors'
import type { SignInMethod } from '../domain/sign-in-methods.ts'

export interface OfferedMethods {
  /** How people prove who they are, at first. */
  readonly signInMethods: () => ReadonlySet<SignInMethod>
}

/** Refuses a way to sign in that is not offered, whatever is brought. Error: `forbidden`. */
export function checkOffered({ signInMethods }: OfferedMethods, method: SignInMethod): void {
  if (!signInMethods().has(method)) {
    throw new GatehouseError('forbidden', { description: 'This way to sign in is not offered here' })
  }
}
