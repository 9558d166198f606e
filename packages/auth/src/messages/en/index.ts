import { account } from './account.ts'
import { common } from './common.ts'
import { consent } from './consent.ts'
import { mail } from './mail.ts'
import { ownData } from './own-data.ts'
import { passkeys } from './passkeys.ts'
import { signIn } from './sign-in.ts'

/** English: complete, and what all others fall back to. */
export const en = {
  ...account,
  ...common,
  ...consent,
  ...mail,
  ...ownData,
  ...passkeys,
  ...signIn,
} as const
