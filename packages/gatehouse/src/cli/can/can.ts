import { METHODS } from 'node:http'
import { isIP } from 'node:net'
import { acrValues } from '@gatehouse/auth/domain/acr'
import { createClients } from '@gatehouse/auth/domain/clients'
import type { KeyRing } from '@gatehouse/auth/domain/key-rings'
import { createActingUsers } from '@gatehouse/auth/flow/acting'
import type { Seconds, UserId } from '@gatehouse/core/brand'
import { errorCatalogue } from '@gatehouse/core/errors'
import { isReserved, paths, reservedOnOtherHosts, reservedPrefixes } from '@gatehouse/core/paths'
import { firstPartyClientId } from '@gatehouse/core/wire-names'
import { parseAuthority } from '@gatehouse/gateway/authority'
import type { Denial } from '@gatehouse/gateway/denial'
import { normalizePath } from '@gatehouse/gateway/normalize-path'
import { type Rehearsal, rehearse } from '@gatehouse/gateway/rehearse'
import type { RouteTable } from '@gatehouse/gateway/routes'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { type ConfigurationOptions, type Opened, withConfiguration, withKeys } from '../open.ts'
import { collect, collectScopes, parseDurationOption } from '../options.ts'
import { answer, tabulate } from '../output.ts'
import { WrongUseError } from '../wrong-use.ts'
import {
  claimsToSuppose,
  type SupposedClaims,
  type SupposedToken,
  supposeClientToken,
  supposeUserToken,
} from './suppose-token.ts'
import { describeUnsaid, findUnsaid } from './unsaid.ts'

interface CanOptions extends ConfigurationOptions {
  readonly scope?: readonly string[]
  readonly role?: readonly string[]
  readonly client?: string
  readonly org?: string
  readonly host?: string
  readonly acr?: string
  readonly amr?: readonly string[]
  readonly claim?: readonly string[]
  readonly signedIn?: Seconds
  readonly address?: string
  readonly remote?: boolean
}

/** `gatehouse can`: whether somebody could do something, and which rule decides. */
export function addCanCommand(program: Command): void {
  withConfiguration(program.command('can'))
    .description(
      'say whether the gateway would let somebody through, and which rule decides; the service is sent nothing',
    )
    .argument('<who>', 'a user name, an address or a user id; client:<id> for a client itself; - for nobody')
    .argument('<method>', 'such as GET')
    .argument('<path>', 'with its query, if there is one')
    .option('--client <id>', 'the app that they use', firstPartyClientId)
    .option(
      '-s, --scope <scope>',
      'what the app asks for (repeatable, or with commas); left out: all it can get',
      collectScopes,
    )
    .option('-r, --role <role>', 'as if they had these roles and no others (repeatable, or with commas)', collect)
    .option('--org <organisation>', 'the organisation that they act for, by id or slug')
    .option('--host <host>', 'the host that is asked; left out: the issuer’s')
    .addOption(new Option('--acr <class>', 'how they have signed in; left out: by one factor').choices(acrValues))
    .option('--amr <method>', 'by which methods (repeatable, or with commas); left out: by password', collect)
    .option(
      '--claim <name=value>',
      `what the token says besides, as JSON or as text; null: that it does not (repeatable; ${claimsToSuppose.join(', ')})`,
      (value: string, before: readonly string[] = []) => [...before, value],
    )
    .option('--signed-in <duration>', 'how long ago they have, such as 10m; left out: just now', parseDurationOption)
    .option('--address <address>', 'from where they ask', parseAddress)
    .option('--remote', 'ask the decider outside that the rule names, if it names one')
    .addHelpText(
      'after',
      '\nExamples:\n  $ gatehouse can alice GET /orders/42\n  $ gatehouse can alice POST /orders --scope orders:read --client web\n  $ gatehouse can client:robot GET /orders\n  $ gatehouse can - GET /catalogue/lamp\n\nExit codes: 0 allowed, 1 refused, 2 there is no such user, client or organisation, or Gatehouse answers itself, 3 it cannot be said, since the rule reads what is not known of the token.\n',
    )
    .action(can)
}

function parseAddress(value: string): string {
  if (isIP(value) === 0) throw new InvalidArgumentError('Expected an address such as 192.0.2.7 or 2001:db8::7.')
  return value
}

/** Options that say something of a user who has signed in, and of any token. */
const ofUsers = ['client', 'role', 'org', 'acr', 'amr', 'signed-in']
const ofTokens = [...ofUsers, 'scope', 'claim']

/** What the question says of whoever asks without being able to mean it: it would be passed over. */
function checkOptions(who: string, command: Command): void {
  const meaningless = who === '-' ? ofTokens : who.startsWith('client:') ? ofUsers : []
  const given = command.options.find(
    (option) => meaningless.includes(option.name()) && command.getOptionValueSource(option.attributeName()) === 'cli',
  )
  if (given) throw new WrongUseError(`--${given.name()} says nothing of ${who === '-' ? 'nobody' : who}: leave it out`)
}

async function can(who: string, method: string, target: string, options: CanOptions, command: Command): Promise<void> {
  checkOptions(who, command)
  // As the gateway reads it, to which a method in small letters is none. Spec: RFC 9110 section 9.1.
  const meant = method.toUpperCase()
  if (method !== meant && METHODS.includes(meant)) throw new WrongUseError(`${method} is no method: say ${meant}`)
  if (!target.startsWith('/')) throw new WrongUseError(`${target} is no path: it begins with /`)
  if (options.host !== undefined && parseAuthority(options.host) === undefined)
    throw new WrongUseError(`${options.host} is no host such as api.example.com`)
  await withKeys(options, async (opened, _keys, rings) => {
    const { configuration, store, clock } = opened
    const host = options.host ?? new URL(configuration.issuer).host
    if (isOfGatehouse(configuration.routes, host, target)) {
      throw new WrongUseError(`${target} is a path of Gatehouse itself: no route decides it`)
    }
    const supposed = await suppose(opened, rings['client-secret'], who, options)
    const asked: Asked = { method, host, target }
    const decided = rehearse(configuration.routes, {
      ...asked,
      ...{ token: supposed?.token, address: options.address, now: clock.milliseconds() },
    })
    const rehearsal =
      options.remote && decided.askOutside ? { ...decided, denial: await decided.askOutside() } : decided
    const subject = supposed?.token.claims.sub
    const user = subject?.startsWith('usr_') ? await store.users.findById(subject as UserId) : undefined // by its prefix
    const caller = subject === undefined ? 'nobody' : user ? `${user.username} (${subject})` : `the client ${subject}`
    const unsaid = findUnsaid(rehearsal, supposed)
    const outcome = { asked, caller, supposed, unsaid, ...rehearsal, hints: hintsOn(rehearsal, options) }
    answer(options, summary(outcome), describe(outcome))
    if (unsaid.length > 0) process.exitCode = notKnown
    else if (rehearsal.denial) process.exitCode = refused
  })
}

const refused = 1
const notKnown = 3

/** Whether Gatehouse answers for a path of a host itself, as the front door decides. */
function isOfGatehouse(table: RouteTable, written: string, target: string): boolean {
  const path = normalizePath(target.split('?', 1)[0] ?? '')
  const host = parseAuthority(written)
  if (typeof path !== 'string' || host === undefined) return false
  const isIssuers = table.hosts.get(host) === table.hosts.get(table.issuerHost)
  if (path === paths.live || path === paths.ready || path === paths.gatewayCheck) return true
  return isReserved(path, isIssuers ? reservedPrefixes : reservedOnOtherHosts)
}

async function suppose(
  { configuration, store, clock }: Opened,
  clientSecrets: KeyRing,
  who: string,
  options: CanOptions,
): Promise<SupposedToken | undefined> {
  if (who === '-') return undefined
  const { auth, issuer } = configuration
  const roleRules = () => ({ scopes: auth.roleScopes, needFactor: auth.secondFactor.requiredForRoles })
  const dependencies = {
    ...{ store, clock, issuer, audience: auth.audience, roleRules },
    clients: createClients(
      // What stands at the address of a client's document is not read for this.
      { store, clock, clientSecrets, documents: { find: async () => undefined }, policy: () => auth.registration },
      auth,
    ),
    actingUsers: createActingUsers({
      ...{ store, clock },
      roleRules,
      hasOrganisations: () => auth.organisations !== undefined,
    }),
  }
  const claims = readClaims(options.claim)
  if (who.startsWith('client:')) {
    return supposeClientToken(dependencies, { client: who.slice('client:'.length), scopes: options.scope, claims })
  }
  return supposeUserToken(dependencies, {
    ...{ who, client: options.client ?? firstPartyClientId, signedInAgo: options.signedIn ?? 0 },
    acr: options.acr,
    ...{ scopes: options.scope, roles: options.role, organisation: options.org, amr: options.amr, claims },
  })
}

function readClaims(said: readonly string[] | undefined): SupposedClaims | undefined {
  return (
    said &&
    new Map(
      said.map((text) => {
        const [written = '', ...value] = text.split('=')
        const name = claimsToSuppose.find((known) => known === written)
        if (name === undefined || value.length === 0) {
          throw new WrongUseError(`--claim is name=value for one of ${claimsToSuppose.join(', ')}`)
        }
        return [name, readValue(value.join('='))]
      }),
    )
  )
}

function readValue(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

interface Asked {
  readonly method: string
  readonly host: string
  readonly target: string
}

interface Outcome extends Rehearsal {
  readonly asked: Asked
  readonly caller: string
  readonly supposed: SupposedToken | undefined
  /** What would have to be known; empty: nothing. */
  readonly unsaid: readonly string[]
  readonly hints: readonly string[]
}

/** What of the question could not be answered without being told more. */
function hintsOn({ denial, observed, askOutside, route }: Rehearsal, options: CanOptions): readonly string[] {
  const hints: string[] = []
  if (observed)
    hints.push(`the rule that is only observed would refuse it: ${observed.reason}; needed: ${observed.needed}`)
  if (askOutside && !options.remote) {
    hints.push(`${route?.requirement.remote?.url} has the last word, and was not asked: --remote asks it`)
  }
  if (denial?.rule === 'require.addresses' && options.address === undefined) hints.push('say from where: --address')
  if (denial?.rule === 'require.acr' && options.acr === undefined) hints.push('say how they signed in: --acr')
  return hints
}

const statusOf = ({ code, status }: Denial): number => status ?? errorCatalogue[code].status

function summary({ asked, caller, supposed, unsaid, route, denial, hints }: Outcome): object {
  return {
    allowed: unsaid.length > 0 ? null : denial === undefined,
    ...{ asked, caller },
    claims: supposed?.token.claims ?? null,
    route: route?.name ?? null,
    needed: denial?.needed ?? route?.requirement.needed ?? null,
    refusal:
      unsaid.length > 0
        ? null
        : denial
          ? { ...{ status: statusOf(denial), code: denial.code }, rule: denial.rule ?? '', found: denial.reason }
          : null,
    notes: [...(unsaid.length > 0 ? [describeUnsaid(unsaid)] : []), ...(supposed?.notes ?? []), ...hints],
  }
}

function describe({ asked, caller, supposed, unsaid, route, denial, hints }: Outcome): string {
  const { client_id, scope, roles, org } = supposed?.token.claims ?? {}
  const has = [
    ...(client_id === undefined ? [] : [`through ${client_id}`]),
    ...(scope ? [`scopes ${scope}`] : []),
    ...(roles ? [`roles ${roles.join(' ')}`] : []),
    ...(org ? [`organisation ${org}`] : []),
  ]
  const lines: (readonly [string, string])[] = [
    [unsaid.length > 0 ? 'unknown' : denial ? 'refused' : 'allowed', `${asked.method} ${asked.host}${asked.target}`],
    ['by', [caller, ...has].join(', ')],
    ['route', route?.name ?? 'none'],
  ]
  if (unsaid.length > 0) lines.push(['found', describeUnsaid(unsaid)])
  else if (denial) lines.push(['status', `${statusOf(denial)} ${denial.code}`], ['found', denial.reason])
  if (denial?.rule !== undefined && unsaid.length === 0) lines.push(['rule', denial.rule])
  lines.push(['needed', denial?.needed ?? route?.requirement.needed ?? 'nothing'])
  for (const note of [...(supposed?.notes ?? []), ...hints]) lines.push(['note', note])
  return tabulate(lines)
}
