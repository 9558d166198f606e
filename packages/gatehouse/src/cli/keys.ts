import { revokeSigningKey, rotateSigningKeys } from '@gatehouse/auth/domain/key-administration'
import type { Command } from 'commander'
import { type ConfigurationOptions, withConfiguration, withKeys } from './open.ts'
import { answer, answerList, formatMoment } from './output.ts'

/** `gatehouse keys …`. */
export function addKeysCommands(program: Command): void {
  const keys = program.command('keys').description('the keys that sign tokens')
  withConfiguration(keys.command('list'))
    .description('list the published keys')
    .addHelpText('after', '\nExample:\n  $ gatehouse keys list\n')
    .action(list)
  withConfiguration(keys.command('rotate'))
    .description('let the next key of each algorithm take over, as soon as everybody can know it')
    .addHelpText(
      'after',
      '\nTokens that the old keys signed stay valid until they expire.\n\nExample:\n  $ gatehouse keys rotate\n',
    )
    .action(rotate)
  withConfiguration(keys.command('revoke'))
    .description('an emergency: refuse everything that a key has signed, at once and everywhere')
    .argument('<kid>', 'as shown by keys list')
    .addHelpText(
      'after',
      '\nEverybody whose token it signed must refresh or sign in again.\n\nExample:\n  $ gatehouse keys revoke 3kTzq0yXb1V9Jw2M\n',
    )
    .action(revoke)
}

async function list(options: ConfigurationOptions): Promise<void> {
  await withKeys(options, (_, keys) =>
    answerList(options, [keys.list()], {
      columns: {
        kid: ({ kid }) => kid,
        alg: ({ alg }) => alg,
        state: ({ state }) => state,
        'signs from': ({ signs_from }) => formatMoment(signs_from),
        'signs until': ({ signs_until }) => formatMoment(signs_until),
        'published until': ({ expires_at }) => formatMoment(expires_at),
      },
      tell: (key) => key,
    }),
  )
}

async function rotate(options: ConfigurationOptions): Promise<void> {
  await withKeys(options, async ({ store, clock, by }, keys) => {
    const rotated = await rotateSigningKeys({ store, clock, keys }, by)
    const lines = rotated.map(({ kid, alg, signs_from }) => `${kid} (${alg}) signs from ${formatMoment(signs_from)}`)
    answer(options, rotated, lines.join('\n'))
  })
}

async function revoke(kid: string, options: ConfigurationOptions): Promise<void> {
  await withKeys(options, async ({ clock, revocations, by }, keys) => {
    await revokeSigningKey({ clock, keys, revocations }, kid, by)
    answer(options, { kid, revoked: true }, `${kid} is revoked; what it signed is refused`)
  })
}
