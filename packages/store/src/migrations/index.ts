import { firstTables } from './0001-first-tables.ts'
import { authorization } from './0002-authorization.ts'
import { secondFactors } from './0003-second-factors.ts'
import { mail } from './0004-mail.ts'
import { organisations } from './0005-organisations.ts'
import { sessionLimits } from './0006-session-limits.ts'
import { federation } from './0007-federation.ts'
import { refusals } from './0008-refusals.ts'
import { keptForms } from './0009-kept-forms.ts'
import { providerWord } from './0010-provider-word.ts'
import { organisationConsents } from './0011-organisation-consents.ts'
import type { Migration } from './migration.ts'

/** Every migration, in order. */
export const migrations: readonly Migration[] = [
  firstTables,
  authorization,
  secondFactors,
  mail,
  organisations,
  sessionLimits,
  federation,
  refusals,
  keptForms,
  providerWord,
  organisationConsents,
]
