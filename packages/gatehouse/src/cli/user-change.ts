import { changeRights } from '@gatehouse/auth/domain/user-rights'
import { deleteUser, getUserByName } from '@gatehouse/auth/domain/users'
import type { UserRow } from '@gatehouse/store/rows'
import type { Command } from 'commander'
import { confirm } from './input.ts'
import { type ConfigurationOptions, withConfiguration, withMail, withStore } from './open.ts'
import { collect, collectScopes, refuseBoth } from './options.ts'
import { answer, answerWarning } from './output.ts'
import { warnOfUnknownScopes } from './unknown-scopes.ts'
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
  scopes: scopes.split(' ').filter(Boolean),
  roles: roles.split(' ').filter(Boolean),
  created_at,
})

/** `gatehouse user change` and `user remove`. */
export function addUserChangeCommands(user: Command): void {
  refuseBoth(refuseBoth(withConfiguration(user.command('change')), 'scope'), 'role')
    .description('give a user other scopes or roles; whoever loses one is signed out everywhere')
    .argument('<username>')
    .option(
      '-s, --scope <scope>',
      'a scope from now on, in place of all others (repeatable, or with commas)',
      collectScopes,
    )
    .option('--no-scope', 'no scopes from now on')
    .option('-r, --role <role>', 'a role from now on, in place of all others (repeatable, or with commas)', collect)
    .option('--no-role', 'no roles from now on')
    .addHelpText(
      'after',
      `
Examples:
  $ gatehouse user change carol --scope orders:read,orders:write
  $ gatehouse user change carol --role clerk --no-scope
  $ gatehouse user change carol --no-role

What is not named stays. What is new comes with the next sign-in or authorization. Roles that an outside provider brings
come back with the next sign-in there.
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
}

const wanted = (option: readonly string[] | false | undefined): readonly string[] | undefined =>
  option === false ? [] : option

async function change(username: string, { scope, role, ...options }: ChangeOptions): Promise<void> {
  const [scopes, roles] = [wanted(scope), wanted(role)]
  if (!scopes && !roles) throw new WrongUseError('say what to change: --scope, --role, --no-scope or --no-role')
  await withStore(options, async ({ by, ...opened }) => {
    const { id } = await getUserByName(opened, username)
    const { user, lost, gained } = await changeRights(opened, { id, scopes, roles }, by)
    answerWarning(
      options,
      { ...summarizeUser(user), lost, gained, sessions_ended: lost.length > 0 },
      describeChange(user, { lost, gained }),
      await warnOfUnknownScopes(opened, scopes ?? []),
    )
  })
}

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
