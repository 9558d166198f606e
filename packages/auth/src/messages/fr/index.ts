import type { Catalogue } from '../catalogue.ts'
import { account } from './account.ts'
import { common } from './common.ts'
import { consent } from './consent.ts'
import { mail } from './mail.ts'
import { organisations } from './organisations.ts'
import { ownData } from './own-data.ts'
import { passkeys } from './passkeys.ts'
import { profile } from './profile.ts'
import { signIn } from './sign-in.ts'
import { signUp } from './sign-up.ts'

/** French. */
export const fr: Catalogue = {
  ...account,
  ...common,
  ...consent,
  ...mail,
  ...organisations,
  ...ownData,
  ...passkeys,
  ...profile,
  ...signIn,
  ...signUp,
}
