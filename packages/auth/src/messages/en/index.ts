import { account } from './account.ts'
import { common } from './common.ts'
import { consent } from './consent.ts'
import { ownData } from './own-data.ts'
import { signIn } from './sign-in.ts'

/** English: complete, and what all others fall back to. */
export const en = { ...common, ...signIn, ...consent, ...account, ...ownData } as const
