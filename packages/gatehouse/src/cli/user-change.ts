import { changeEmail } from '@gatehouse/auth/domain/email-change'
import { changeRights } from '@gatehouse/auth/domain/user-rights'
import { deleteUser, getEmail, getRoles, getUserByName } from '@gatehouse/auth/domain/users'
import { GatehouseError } from '@gatehouse/core/errors'
import { splitWords } from '@gatehouse/core/words'
import type { UserRow } from '@gatehouse/store/rows'
import type { Command } from 'commander'
import { confirm } from './input.ts'
import { type ConfigurationOptions, withConfiguration, withMail } from './open.ts'
import { collect, collectScopes, refuseBoth } from './options.ts'
import { answer, answerWarning } from './output.ts'
import { warnOfUnknownNames } from './unknown-names.ts'
import { WrongUseError } from './wrong-use.ts'

/** A user as commands tell of them. */
export const summarizeUser = ({
  id,
  username,
  email,
  email_verified_at,
  status,
  scopes,
  roles,
  created_at,
}: UserRow) => ({
  ...{ id, username, email, email_verified: email_verified_at !== null, status },
  scopes: splitWords(scopes),
  roles: splitWords(roles),
  created_at,
})

/** `gatehouse user change` and `user remove`. */
export function addUserChangeCommands(user: Command): void {
  refuseBoth(refuseBoth(withConfiguration(user.command('change')), 'scope'), 'role')
    .description('give a user other scopes or roles, or another address; whoever loses a scope or a role is signed out')
    .argument('<username>')
    .option(
      '-s, --scope <scope>',
      'a scope from now on, in place of all others (repeatable, or with commas)',
      collectScopes,
    )
    .option('--no-scope', 'no scopes from now on')
    .option('-r, --role <role>', 'a role from now on, in place of all others (repeatable, or with commas)', collect)
    .option('--no-role', 'no roles from now on')
    .option('-e, --email <address>', 'their e-mail address from now on; that it is theirs is taken on your word')
    .addHelpText(
      'after',
      `
Examples:
  $ gatehouse user change carol --scope orders:read,orders:write
  $ gatehouse user change carol --role clerk --no-scope
  $ gatehouse user change carol --no-role
  $ gatehouse user change carol --email carol@example.com

What is not named stays. What is new comes with the next sign-in or authorization; a role that needs a second factor
(second_factor.required_for_roles) only once that has been shown, for which people are asked there. Roles that an outside provider brings
come back with the next sign-in there. The old address is told of the new one, and links and codes that were mailed to it
are good for nothing any more; a user name that was the old address becomes the new one.
`,
    )
    .action(change)
  withConfiguration(user.command('remove'))
    .description('remove a user with everything that is kept of them, and end all sessions; it cannot be undone')
    .argument('<username>')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      '\nExamples:\n  $ gatehouse user remove carol\n  $ gatehouse user remove carol --yes --json\n',
    )
    .action(remove)
}

interface ChangeOptions extends ConfigurationOptions {
  /** false = none. */
  readonly scope?: readonly string[] | false
  readonly role?: readonly string[] | false
  readonly email?: string
}

const wanted = (option: readonly string[] | false | undefined): readonly string[] | undefined =>
  option === false ? [] : option

async function change(username: string, { scope, role, email, ...options }: ChangeOptions): Promise<void> {
  const [scopes, roles] = [wanted(scope), wanted(role)]
  if (!scopes && !roles && email === undefined)
    throw new WrongUseError('say what to change: --scope, --role, --no-scope, --no-role or --email')
  await withMail(options, async ({ by, configuration, ...opened }, { notices }) => {
    const found = await getUserByName(opened, username)
    const { id } = found
    // Before anything is written: the address and the rights are two transactions.
    if (roles) getRoles(roles)
    if (email !== undefined) getEmail(email)
    const moved = email === undefined ? undefined : await moveTo({ ...opened, notices }, { id, email }, by)
    const hasRights = scopes !== undefined || roles !== undefined
    const rights = hasRights ? await changeRights(opened, { id, scopes, roles }, by) : undefined
    const user = rights?.user ?? moved?.user ?? found
    const { lost, gained, sessionsEnded } = rights ?? { lost: [], gained: [], sessionsEnded: 0 }
    answerWarning(
      options,
      { ...summarizeUser(user), lost, gained, sessions_ended: sessionsEnded },
      [...(moved ? [describeMove(moved)] : []), ...(rights ? [describeChange(user, rights)] : [])].join('\n'),
      warnOfUnknownNames(configuration, { scopes, roles }),
    )
  })
}

type Moved = Awaited<ReturnType<typeof changeEmail>>

const moveTo = (...[dependencies, change, by]: Parameters<typeof changeEmail>): Promise<Moved> =>
  changeEmail(dependencies, change, by).catch((error: unknown) => {
    if (!(error instanceof GatehouseError) || error.code !== 'already_exists') throw error
    throw new Error('another user has this address; gatehouse user list says who')
  })

const describeMove = ({ user, before }: Moved): string =>
  user === before
    ? `${user.username} has had the address ${user.email}`
    : `${user.username} now has the address ${user.email}; before: ${before.email ?? '(none)'}`

const describeChange = (
  { username, scopes, roles }: UserRow,
  { lost, gained }: { readonly lost: readonly string[]; readonly gained: readonly string[] },
): string => {
  const isChanged = lost.length + gained.length > 0
  const what = lost.length > 0 ? `; lost ${lost.join(', ')}: all sessions ended` : ''
  return `${username} ${isChanged ? 'now has' : 'has had'} the scopes ${scopes || '(none)'} and the roles ${roles || '(none)'}${what}`
}

async function remove(
  username: string,
  { yes, ...options }: ConfigurationOptions & { readonly yes?: boolean },
): Promise<void> {
  await withMail(options, async ({ by, ...opened }, { notices }) => {
    const user = await getUserByName(opened, username)
    if (!yes) await confirm(`Remove ${user.username} (${user.id}) and everything that is kept of them?`, '--yes')
    await deleteUser({ ...opened, notices }, user.id, by)
    answer(
      options,
      { id: user.id, username: user.username, removed: true },
      `removed ${user.username} (${user.id}); all sessions ended`,
    )
  })
}
