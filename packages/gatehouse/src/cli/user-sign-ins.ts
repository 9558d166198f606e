import { listLiveSessions } from '@gatehouse/auth/domain/live-sessions'
import { resetFactors, signOutUser } from '@gatehouse/auth/domain/lost-devices'
import { getUserByName } from '@gatehouse/auth/domain/users'
import { nameDevice } from '@gatehouse/auth/pages/device-name'
import type { SessionId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { splitWords } from '@gatehouse/core/words'
import type { SessionRow } from '@gatehouse/store/rows'
import type { Command } from 'commander'
import { confirm } from './input.ts'
import { type ConfigurationOptions, withConfiguration, withMail, withStore } from './open.ts'
import { answer, answerList, answerWarning, formatMoment, plain } from './output.ts'
import { WrongUseError } from './wrong-use.ts'

/** `gatehouse user sessions`, `user sign-out` and `user reset-factors`: for whoever has lost a device. */
export function addUserSignInCommands(user: Command): void {
  withConfiguration(user.command('sessions'))
    .description('list where a user is signed in')
    .argument('<username>')
    .addHelpText('after', '\nExample:\n  $ gatehouse user sessions carol\n')
    .action(listSessions)
  withConfiguration(user.command('sign-out'))
    .description('end one session of a user, or all of them, with every token that was issued from it')
    .argument('<username>')
    .option('--session <id>', 'this one alone; gatehouse user sessions says which there are')
    .addHelpText(
      'after',
      `
Examples:
  $ gatehouse user sign-out carol
  $ gatehouse user sign-out carol --session G3Ys-jSoh0Tu7vHlXV3_XQ

Who knows the password can sign in again: gatehouse user set-password or user disable keep them out. Without --session, no
browser is remembered any more that need not show a second factor; with it, those that are stay so.
`,
    )
    .action(signOut)
  withConfiguration(user.command('reset-factors'))
    .description('remove all second factors of a user who has lost them, with the recovery codes, and end all sessions')
    .argument('<username>')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      `
Examples:
  $ gatehouse user reset-factors carol
  $ gatehouse user reset-factors carol --yes --json

Be sure that it is they who ask: from now on what they signed in with before, alone, signs them in, until they have set up
another factor. They are told by mail.
`,
    )
    .action(reset)
}

async function listSessions(username: string, options: ConfigurationOptions): Promise<void> {
  await withStore(options, async ({ store, clock }) => {
    const { id } = await getUserByName({ store }, username)
    await answerList(options, [await listLiveSessions({ tables: store, clock }, id)], {
      columns: {
        session: (session) => session.id,
        device: ({ device }) => (device === '' ? '(unknown)' : nameDevice(device)),
        address: ({ address }) => address,
        'signed in': ({ auth_time }) => formatMoment(auth_time),
        'last used': ({ used_at, created_at }) => formatMoment(used_at ?? created_at),
        'signed in by': ({ amr }) => amr,
      },
      tell: summarizeSession,
    })
  })
}

/** A session as commands tell of it. */
const summarizeSession = (session: SessionRow) => ({
  id: session.id,
  device: session.device,
  address: session.address,
  amr: splitWords(session.amr),
  acr: session.acr,
  auth_time: session.auth_time,
  used_at: session.used_at,
  expires_at: session.expires_at,
  organisation: session.organisation_id,
})

async function signOut(
  username: string,
  { session, ...options }: ConfigurationOptions & { readonly session?: string },
): Promise<void> {
  await withStore(options, async ({ by, ...opened }) => {
    const user = await getUserByName(opened, username)
    const ending = { user: user.id, session: session as SessionId | undefined }
    const count = await signOutUser(opened, ending, by).catch((error: unknown) => {
      if (!(error instanceof GatehouseError) || error.code !== 'not_found') throw error
      throw new WrongUseError(
        `${user.username} has no session ${session}; gatehouse user sessions ${user.username} says which there are`,
      )
    })
    const what = count === 1 ? 'one session' : `${count} sessions`
    const remembered =
      session === undefined
        ? ''
        : `; browsers that need not show a second factor stay so: gatehouse user sign-out ${user.username} ends that too`
    answer(
      options,
      { id: user.id, username: user.username, sessions_ended: count },
      `${user.username}: ended ${what}${remembered}`,
    )
  })
}

async function reset(
  username: string,
  { yes, ...options }: ConfigurationOptions & { readonly yes?: boolean },
): Promise<void> {
  await withMail(options, async ({ by, ...opened }, { notices }) => {
    const user = await getUserByName(opened, username)
    if (!yes) await confirm(`Remove every second factor of ${user.username} (${user.id})?`, '--yes')
    const { removed, sessionsEnded } = await resetFactors({ ...opened, notices }, user, by)
    // A password here would lead who comes by an outside provider past it.
    const hasFirstFactor =
      user.password_hash !== null || (await opened.store.linkedIdentities.listByUser(user.id)).length > 0
    answerWarning(
      options,
      {
        ...{ id: user.id, username: user.username, sessions_ended: sessionsEnded },
        removed: removed.map(({ kind, name }) => ({ kind, name })),
      },
      removed.length === 0
        ? `${user.username} has no second factor`
        : `removed ${plain(removed.map(({ name }) => name).join(', '))} of ${user.username}; all sessions ended`,
      hasFirstFactor || removed.length === 0
        ? []
        : [`${user.username} has no password: gatehouse user set-password ${user.username} lets them in`],
    )
  })
}
