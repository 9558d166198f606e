import { account } from './account.ts'
import { consent } from './consent.ts'
import { errors } from './errors.ts'
import { federation } from './federation.ts'
import { frame } from './frame.ts'
import { keptForm } from './kept-form.ts'
import { mail } from './mail.ts'
import { organisations } from './organisations.ts'
import { ownData } from './own-data.ts'
import { passkeys } from './passkeys.ts'
import { profile } from './profile.ts'
import { signIn } from './sign-in.ts'
import { signUp } from './sign-up.ts'

/** English: complete, and what all others fall back to. */
export const en = {
  ...account,
  ...consent,
  ...errors,
  ...federation,
  ...frame,
  ...keptForm,
  ...mail,
  ...organisations,
  ...ownData,
  ...passkeys,
  ...profile,
  ...signIn,
  ...signUp,
} as const
