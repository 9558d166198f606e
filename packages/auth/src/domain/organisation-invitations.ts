import { hash } from 'node:crypto'
import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import { randomToken } from '@gatehouse/core/random'
import { seconds } from '@gatehouse/core/time'
import type { OrganisationInvitationRow, OrganisationRow, UserRow } from '@gatehouse/store/rows'
import type { Tables } from '@gatehouse/store/store'
import { recordEvent } from './audit.ts'
import {
  type Authority,
  enterOrganisation,
  insertMember,
  type MemberDependencies,
  type MemberOf,
  noSuchOrganisation,
} from './organisation-members.ts'
import { checkRoles } from './organisations.ts'
import type { Actor } from './users.ts'
