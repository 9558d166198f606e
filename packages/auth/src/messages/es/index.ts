import type { Catalogue } from '../catalogue.ts'
import { account } from './account.ts'
import { common } from './common.ts'
import { consent } from './consent.ts'
import { ownData } from './own-data.ts'
import { signIn } from './sign-in.ts'

/** Spanish. */
export const es: Catalogue = { ...common, ...signIn, ...consent, ...account, ...ownData }
