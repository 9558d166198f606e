import { readFileSync } from 'node:fs'
import { addClient, removeClient, rotateClientSecret } from '@gatehouse/auth/domain/client-administration'
import { type AuthMethod, type GrantType, isConfiguredClient } from '@gatehouse/auth/domain/clients'
import { inviteClients } from '@gatehouse/auth/domain/dynamic-clients'
import type { ClientId, Seconds } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { seconds } from '@gatehouse/core/time'
import { splitWords } from '@gatehouse/core/words'
import type { ClientRow } from '@gatehouse/store/rows'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { howToRemove, howToRotate, placeOfClient } from './configured-client.ts'
import { type ConfigurationOptions, withConfiguration, withStore } from './open.ts'
import { collectScopes, collectWords, parseDurationOption } from './options.ts'
import { answer, answerList, answerWarning, formatMoment, readPages } from './output.ts'
import { warnOfUnknownNames } from './unknown-names.ts'
import { WrongUseError } from './wrong-use.ts'

interface AddOptions extends ConfigurationOptions {
  readonly name?: string
  readonly scope?: readonly string[]
  readonly audience?: readonly string[]
  readonly public?: boolean
  readonly firstParty?: boolean
  readonly jwks?: string
  readonly redirectUri?: readonly string[]
}

/** `gatehouse client …`. */
export function addClientCommands(program: Command): void {
  const client = program.command('client').description('OAuth clients: services and apps')
  withConfiguration(client.command('add'))
    .description('add a client; its secret is shown once')
    .argument('<id>')
    .option('-n, --name <name>', 'what people call it')
    .option('-s, --scope <scope>', 'a scope that it may be granted (repeatable, or with commas)', collectScopes)
    .option('-a, --audience <audience>', 'an audience that it may ask for (repeatable, or with commas)', collectWords)
    .option('--public', 'it keeps no secret: an app in a browser or on a phone')
    .option('--first-party', 'one’s own public app, which may use /login')
    .option(
      '-r, --redirect-uri <uri>',
      'where its users come back to (repeatable): an app that people sign in to',
      (uri: string, before: readonly string[] = []) => [...before, uri],
    )
    .addOption(
      new Option('--jwks <file>', 'its public keys as a JWK set, for private_key_jwt').conflicts([
        'public',
        'firstParty',
      ]),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ gatehouse client add billing --scope orders:read\n  $ gatehouse client add ci --jwks ci-public.json --scope orders:write\n  $ gatehouse client add web --redirect-uri https://app.example.com/cb --scope orders:read\n',
    )
    .action(add)
  withConfiguration(client.command('list'))
    .description('list the clients that were added')
    .addHelpText('after', '\nExample:\n  $ gatehouse client list\n')
    .action(list)
  withConfiguration(client.command('remove'))
    .description('remove a client that was added, with everything that it was given')
    .argument('<id>')
    .addHelpText(
      'after',
      `
Example:
  $ gatehouse client remove billing

Of a new client of the same id, tokens count that it gets a minute later.
`,
    )
    .action(remove)
  withConfiguration(client.command('invite'))
    .description('make a token by which clients can register themselves')
    .option('--uses <n>', 'how many clients', parseUses, 1)
    .addOption(
      new Option('--expires <duration>', 'how long, such as 24h').default(day, '24h').argParser(parseDurationOption),
    )
    .addHelpText('after', '\nExample:\n  $ gatehouse client invite --uses 5 --expires 7d\n')
    .action(invite)
  withConfiguration(client.command('rotate-secret'))
    .description('make a new secret; the old one stays valid for a while')
    .argument('<id>')
    .addOption(
      new Option('--overlap <duration>', 'how long old secrets stay valid, such as 24h or 0s')
        .default(day, '24h')
        .argParser(parseDurationOption),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ gatehouse client rotate-secret billing\n  $ gatehouse client rotate-secret billing --overlap 0s\n',
    )
    .action(rotate)
}

const day = seconds(86_400)

function parseUses(value: string): number {
  if (!/^[1-9]\d{0,5}$/.test(value)) throw new InvalidArgumentError('Expected a whole number from 1 to 999999.')
  return Number(value)
}

const methodFor = ({ public: isPublic, firstParty, jwks }: AddOptions): AuthMethod =>
  isPublic || firstParty ? 'none' : jwks === undefined ? 'client_secret_basic' : 'private_key_jwt'

const grantTypesFor = (options: AddOptions): readonly GrantType[] => {
  if (options.redirectUri) return ['authorization_code', 'refresh_token']
  return [methodFor(options) === 'none' ? 'refresh_token' : 'client_credentials']
}

async function add(id: string, options: AddOptions): Promise<void> {
  await withStore(options, async ({ configuration, store, clock, by }) => {
    const taken = placeOfClient(configuration, id)
    if (taken !== undefined) throw new GatehouseError('already_exists', { description: taken })
    const authMethod = methodFor(options)
    const grantTypes = grantTypesFor(options)
    const { row, secret } = await addClient(
      { store, clock },
      {
        id,
        name: options.name ?? id,
        authMethod,
        grantTypes,
        scopes: options.scope ?? [],
        audiences: options.audience ?? [],
        firstParty: options.firstParty ?? false,
        metadata: {
          ...(options.name === undefined ? {} : { client_name: options.name }),
          ...(options.redirectUri ? { redirect_uris: [...options.redirectUri] } : {}),
        },
        jwks: options.jwks === undefined ? undefined : readFileSync(options.jwks, 'utf8'),
        isConfigured: (candidate) => isConfiguredClient(configuration.auth, candidate),
      },
      by,
    )
    answerWarning(
      options,
      {
        client_id: row.id,
        ...(secret === undefined ? {} : { client_secret: secret }),
        token_endpoint_auth_method: row.auth_method,
      },
      secret === undefined ? `added ${row.id}` : `added ${row.id}\nsecret (shown this once): ${secret}`,
      warnOfUnknownNames(configuration, { scopes: options.scope, audiences: options.audience }),
    )
  })
}

async function list(options: ConfigurationOptions): Promise<void> {
  await withStore(options, async ({ store }) => {
    const pages = readPages<ClientRow>((last, limit) => store.clients.list({ limit, ...(last && { after: last.id }) }))
    await answerList(options, pages, {
      columns: {
        id: ({ id }) => id,
        name: ({ name }) => name,
        status: ({ status }) => status,
        'proves itself by': ({ auth_method }) => auth_method,
        scopes: ({ scopes }) => scopes,
        created: ({ created_at }) => formatMoment(created_at),
      },
      tell: ({ id, name, status, auth_method, grant_types, scopes, audiences, first_party, created_at }) => ({
        client_id: id,
        name,
        status,
        token_endpoint_auth_method: auth_method,
        grant_types: grant_types.split(' '),
        scopes: splitWords(scopes),
        audiences: splitWords(audiences),
        first_party: first_party === 1,
        created_at,
      }),
    })
  })
}

async function remove(id: string, options: ConfigurationOptions): Promise<void> {
  await withStore(options, async ({ configuration, store, clock, revocations, by }) => {
    const inFile = howToRemove(configuration, id)
    if (inFile !== undefined && !(await store.clients.find(id as ClientId))) throw new WrongUseError(inFile)
    await removeClient({ store, clock, revocations }, id as ClientId, by) // only looked up
    answer(options, { client_id: id, removed: true }, `removed ${id}`)
  })
}

async function invite(
  options: ConfigurationOptions & { readonly uses: number; readonly expires: Seconds },
): Promise<void> {
  const { uses, expires: lifetime } = options
  await withStore(options, async ({ configuration, store, clock, by }) => {
    const { token, expiresAt } = await inviteClients({ store, clock }, { uses, lifetime }, by)
    const { mode } = configuration.auth.registration
    const isUseful = mode === 'token' ? '' : `\nregistration.mode is ${mode}: set it to token for this to count`
    answer(
      options,
      { initial_access_token: token, expires_at: expiresAt, uses },
      `token (shown this once): ${token}\nvalid until ${formatMoment(expiresAt)}${isUseful}`,
    )
  })
}

async function rotate(id: string, options: ConfigurationOptions & { readonly overlap: Seconds }): Promise<void> {
  const { overlap } = options
  await withStore(options, async ({ configuration, store, clock, by }) => {
    const inFile = howToRotate(configuration, id)
    if (inFile !== undefined) throw new WrongUseError(inFile)
    const { secret, oldSecretsUntil } = await rotateClientSecret({ store, clock }, { id, overlap }, by)
    answer(
      options,
      { client_id: id, client_secret: secret, old_secrets_until: oldSecretsUntil },
      `new secret (shown this once): ${secret}\nold secrets are valid until ${formatMoment(oldSecretsUntil)}`,
    )
  })
}
