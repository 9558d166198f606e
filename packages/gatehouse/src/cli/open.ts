import { userInfo } from 'node:os'
import { createBreachedPasswords } from '@gatehouse/auth/domain/breached-passwords'
import { type KeyRings, openKeyRings } from '@gatehouse/auth/domain/key-rings'
import { createPasswords } from '@gatehouse/auth/domain/passwords'
import { createRevocations } from '@gatehouse/auth/domain/revocations'
import { openSigningKeys, type SigningKeys } from '@gatehouse/auth/domain/signing-keys'
import type { Actor } from '@gatehouse/auth/domain/users'
import { createMailServices, type MailServices } from '@gatehouse/auth/mail/mail-services'
import { createOutbound, type Outbound } from '@gatehouse/auth/outbound/outbound'
import type { Store } from '@gatehouse/store/store'
import { type Command, Option } from 'commander'
import { systemClock } from '../clock.ts'
import { getMasterKey, type KeylessConfiguration, loadForCommand } from '../configuration/load-for-use.ts'
import { asksDatabase, DatabaseError, explainDatabase, isToBeMade, openDatabase } from '../database.ts'

/** The options that every command with a configuration has. */
export interface ConfigurationOptions {
  readonly config: string
  readonly dev?: boolean
  readonly json?: boolean
}

/** Adds --config to a command. */
export const withConfigurationFile = (command: Command): Command =>
  command.addOption(
    new Option('-c, --config <file>', 'the configuration file').default('gatehouse.yaml').env('GATEHOUSE_CONFIG'),
  )

/** Adds --config, --dev and --json to a command. */
export const withConfiguration = (command: Command): Command =>
  withConfigurationFile(command)
    .option('--dev', 'the file is one for development mode')
    .option('--json', 'answer with JSON')

/** What a command works on. */
export interface Opened {
  readonly configuration: KeylessConfiguration
  readonly store: Store
  readonly clock: typeof systemClock
  readonly passwords: ReturnType<typeof createPasswords>
  readonly revocations: ReturnType<typeof createRevocations>
  /** The way to other servers, for as long as the command runs. */
  readonly outbound: Outbound
  /** What could not be done and stops nothing: to be told with the answer. */
  readonly warnings: readonly string[]
  /** Who does it, for the audit trail. */
  readonly by: Actor
}

/**
 * Opens the database of a configuration for one command and closes it afterwards. A server that runs on the same database
 * hears of what the command changes within a second.
 */
export async function withStore<T>(options: ConfigurationOptions, run: (opened: Opened) => Promise<T>): Promise<T> {
  const configuration = await loadForCommand({ file: options.config, development: options.dev ?? false })
  const howToMigrate = `gatehouse migrate --config ${options.config}${options.dev ? ' --dev' : ''}`
  if (isToBeMade(configuration))
    throw new DatabaseError(
      configuration.database,
      `is not there yet; \`gatehouse ${options.dev ? 'dev' : 'serve'}\` makes it, and so does: ${howToMigrate}`,
    )
  const store = await openDatabase(configuration)
  const outbound = createOutbound({ allowLoopback: configuration.development })
  const warnings: string[] = []
  const { breachedPasswords } = configuration
  const onFailure = (): void => {
    warnings.push('the list of breached passwords could not be asked: the password is taken without a look at it')
  }
  const passwords = createPasswords({
    ...configuration.hashing,
    brandName: () => configuration.auth.brand.name,
    ...(breachedPasswords && { breached: createBreachedPasswords({ outbound, onFailure }, breachedPasswords) }),
  })
  try {
    const pending = await asksDatabase(configuration, () => store.pendingMigrations())
    if (pending.length > 0)
      throw new DatabaseError(configuration.database, `lacks ${pending.length} migration(s); run: ${howToMigrate}`)
    return await run({
      configuration,
      store,
      clock: systemClock,
      passwords,
      revocations: createRevocations({ store, clock: systemClock, hint: (channel) => store.notify(channel) }),
      outbound,
      warnings,
      by: { actor: `cli:${userInfo().username}` },
    })
  } catch (error) {
    throw explainDatabase(configuration, error) ?? error
  } finally {
    outbound.close()
    await passwords.close()
    await store.close()
  }
}

/** As {@link withStore}, with what sends people mails; a server that runs on the same database delivers them. */
export const withMail = <T>(
  options: ConfigurationOptions,
  run: (opened: Opened, mail: MailServices) => Promise<T>,
): Promise<T> =>
  withStore(options, async (opened) => {
    const { store, clock, configuration, outbound } = opened
    const { issuer, auth, mail } = configuration
    const ring = (await openKeyRings({ store, clock }, getMasterKey(configuration))).mail
    const ignore = () => {}
    const calls = { onQueued: ignore, onResult: ignore, onFailure: ignore }
    const dependencies = { store, clock, issuer, ring, outbound, brand: () => auth.brand }
    return run(opened, createMailServices(dependencies, mail, calls))
  })

/** As {@link withStore}, with the key rings and the signing keys opened. */
export const withKeys = <T>(
  options: ConfigurationOptions,
  run: (opened: Opened, keys: SigningKeys, rings: KeyRings) => Promise<T>,
): Promise<T> =>
  withStore(options, async (opened) => {
    const { store, clock, configuration } = opened
    const rings = await openKeyRings({ store, clock }, getMasterKey(configuration))
    const keys = await openSigningKeys({
      store,
      clock,
      rings,
      rotateEvery: () => configuration.auth.rotateKeysEvery,
      hint: (channel) => store.notify(channel),
    })
    return run(opened, keys, rings)
  })
