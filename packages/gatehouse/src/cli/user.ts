import { inviteUser, withdrawUserInvitation } from '@gatehouse/auth/domain/invitations'
import { addUser, getUserByName, setPassword, setUserStatus } from '@gatehouse/auth/domain/users'
import { canSend } from '@gatehouse/auth/mail/open-outbox'
import { type Locale, locales } from '@gatehouse/auth/messages/messages'
import { GatehouseError } from '@gatehouse/core/errors'
import type { UserRow } from '@gatehouse/store/rows'
import { type Command, Option } from 'commander'
import { readSecret } from './input.ts'
import { type ConfigurationOptions, type Opened, withConfiguration, withMail, withStore } from './open.ts'
import { collect, collectScopes } from './options.ts'
import { answer, answerList, answerWarning, formatMoment, readPages } from './output.ts'
import { warnOfUnknownNames } from './unknown-names.ts'
import { addUserChangeCommands, summarizeUser } from './user-change.ts'
import { addUserSignInCommands } from './user-sign-ins.ts'
import { WrongUseError } from './wrong-use.ts'

interface AddOptions extends ConfigurationOptions {
  readonly scope?: readonly string[]
  readonly role?: readonly string[]
  readonly email?: string
  readonly hash?: boolean
  readonly password: boolean
}

/** `gatehouse user …`. */
export function addUserCommands(program: Command): void {
  const user = program.command('user').description('people who sign in')
  withConfiguration(user.command('add'))
    .description('add a user; the password comes from a prompt or from standard input')
    .argument('<username>')
    .option('-s, --scope <scope>', 'a scope that the user may be granted (repeatable, or with commas)', collectScopes)
    .option('-r, --role <role>', 'a role (repeatable, or with commas)', collect)
    .option('-e, --email <address>', 'their e-mail address; that it is theirs is taken on your word')
    .addOption(
      new Option('--hash', 'what is given is a hash from another system: argon2, bcrypt, scrypt or pbkdf2').conflicts(
        'password',
      ),
    )
    .option('--no-password', 'the user gets no password')
    .addHelpText(
      'after',
      "\nExamples:\n  $ gatehouse user add carol --email carol@example.com --scope orders:read,orders:write --role clerk\n  $ pass show carol | gatehouse user add carol\n  $ echo '$2b$12$…' | gatehouse user add dave --hash\n\nThe role administrator brings nothing by itself yet: one administers by this command line.\n",
    )
    .action((username: string, options: AddOptions) => add(username, options))
  addUserChangeCommands(user)
  withConfiguration(user.command('invite'))
    .description('mail somebody an invitation to open an account; it is good for a week')
    .argument('<address>')
    .option('-s, --scope <scope>', 'a scope that the user may be granted (repeatable, or with commas)', collectScopes)
    .option('-r, --role <role>', 'a role (repeatable, or with commas)', collect)
    .addOption(new Option('--language <language>', 'the language of the mail').choices(locales))
    .addHelpText('after', '\nExample:\n  $ gatehouse user invite carol@example.com --scope orders:read --role clerk\n')
    .action(invite)
  withConfiguration(user.command('withdraw-invitation'))
    .description('take an invitation back that somebody was mailed: its link opens no account any more')
    .argument('<address>')
    .addHelpText('after', '\nExample:\n  $ gatehouse user withdraw-invitation carol@example.com\n')
    .action(withdraw)
  withConfiguration(user.command('list'))
    .description('list the users')
    .addHelpText('after', '\nExample:\n  $ gatehouse user list --json\n')
    .action(list)
  for (const [name, status] of [
    ['disable', 'disabled'],
    ['enable', 'active'],
  ] as const) {
    withConfiguration(user.command(name))
      .description(
        status === 'disabled'
          ? 'keep a user out and end all sessions'
          : 'let a user in again, also after too many wrong passwords',
      )
      .argument('<username>')
      .addHelpText('after', `\nExample:\n  $ gatehouse user ${name} carol\n`)
      .action((username: string, options: ConfigurationOptions) => setStatus(username, status, options))
  }
  withConfiguration(user.command('set-password'))
    .description('set a new password and end all sessions; it comes from a prompt or from standard input')
    .argument('<username>')
    .addHelpText(
      'after',
      '\nExamples:\n  $ gatehouse user set-password carol\n  $ pass show carol | gatehouse user set-password carol\n',
    )
    .action(changePassword)
  addUserSignInCommands(user)
}

async function add(username: string, options: AddOptions): Promise<void> {
  await withStore(options, async ({ configuration, by, ...opened }) => {
    const secret = options.password ? await readSecret(options.hash ? 'Password hash' : 'Password') : undefined
    const row = await addUser(
      opened,
      {
        username,
        scopes: options.scope ?? [],
        roles: options.role ?? [],
        ...(options.email === undefined ? {} : { email: options.email }),
        ...(secret === undefined ? {} : options.hash ? { passwordHash: secret } : { password: secret }),
        minimumPasswordLength: configuration.auth.minimumPasswordLength,
      },
      by,
    ).catch((error: unknown) => refuseTaken(opened, username, error))
    const warnings = [
      ...opened.warnings,
      ...warnOfUnknownNames(configuration, { scopes: options.scope, roles: options.role }),
    ]
    answerWarning(options, summarizeUser(row), `added ${row.username} (${row.id})`, warnings)
  })
}

/** Says whose the name or the address is, and by which command to change them. */
async function refuseTaken({ store }: Pick<Opened, 'store'>, username: string, error: unknown): Promise<never> {
  if (!(error instanceof GatehouseError) || error.code !== 'already_exists') throw error
  const user = await getUserByName({ store }, username).catch(() => undefined)
  throw new Error(
    user
      ? `there is a user ${user.username} already; to change what they may do: gatehouse user change ${user.username} --scope … --role …`
      : 'another user has this address; gatehouse user list says who',
  )
}

interface InviteOptions extends ConfigurationOptions {
  readonly scope?: readonly string[]
  readonly role?: readonly string[]
  readonly language?: Locale
}

async function invite(address: string, { scope, role, language, ...options }: InviteOptions): Promise<void> {
  await withMail(options, async ({ configuration, by, ...opened }, mail) => {
    const { issuer, auth } = configuration
    if (!canSend(configuration.mail))
      throw new Error('invitations are mailed, and there is no way to send them: add mail')
    if (auth.signUp.mode === 'off') throw new Error('nobody can open an account: set sign_up.mode')
    const invitation = {
      email: address,
      ...(scope && { scopes: scope }),
      ...(role && { roles: role }),
      ...(language && { locale: language }),
    }
    const { email } = await inviteUser({ ...opened, ...mail, issuer }, invitation, by).catch((error: unknown) => {
      if (!(error instanceof GatehouseError) || error.code !== 'already_exists') throw error
      throw new Error('somebody with this address has an account already; gatehouse user list says who')
    })
    const warnings = warnOfUnknownNames(configuration, { scopes: scope, roles: role })
    answerWarning(options, { email }, `invited ${email}: the mail is on its way`, warnings)
  })
}

async function withdraw(address: string, options: ConfigurationOptions): Promise<void> {
  await withMail(options, async ({ by, ...opened }, mail) => {
    const { email } = await withdrawUserInvitation({ ...opened, ...mail }, address, by).catch((error: unknown) => {
      if (!(error instanceof GatehouseError) || error.code !== 'not_found') throw error
      throw new WrongUseError('no invitation of this address waits for an answer')
    })
    answer(options, { email }, `withdrew the invitation of ${email}`)
  })
}

async function list(options: ConfigurationOptions): Promise<void> {
  await withStore(options, async ({ store }) => {
    const pages = readPages<UserRow>((last, limit) =>
      store.users.list({ limit, ...(last && { after: last.username_canonical }) }),
    )
    await answerList(options, pages, {
      columns: {
        username: ({ username }) => username,
        id: ({ id }) => id,
        email: ({ email }) => email ?? '',
        status: ({ status }) => status,
        scopes: ({ scopes }) => scopes,
        roles: ({ roles }) => roles,
        created: ({ created_at }) => formatMoment(created_at),
      },
      tell: summarizeUser,
    })
  })
}

async function setStatus(username: string, status: UserRow['status'], options: ConfigurationOptions): Promise<void> {
  await withStore(options, async ({ store, clock, revocations, by }) => {
    const user = await getUserByName({ store }, username)
    await setUserStatus({ store, clock, revocations }, { id: user.id, status }, by)
    answer(options, { id: user.id, username: user.username, status }, `${user.username} is ${status}`)
  })
}

async function changePassword(username: string, options: ConfigurationOptions): Promise<void> {
  await withMail(options, async ({ configuration, by, ...opened }, { notices }) => {
    const user = await getUserByName(opened, username)
    const password = await readSecret('New password')
    const minimumLength = configuration.auth.minimumPasswordLength
    await setPassword({ ...opened, notices }, { user, password, minimumLength }, by)
    answerWarning(
      options,
      { id: user.id, username: user.username },
      `${user.username} has a new password; all sessions ended`,
      opened.warnings,
    )
  })
}
