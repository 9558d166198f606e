import type { Finding, Provider } from '@gatehouse/auth/federation/provider'
import { ProviderFailure } from '@gatehouse/auth/federation/provider-failure'
import type { ProviderSettings } from '@gatehouse/auth/federation/provider-settings'
import { createProviders } from '@gatehouse/auth/federation/providers'
import { createOutbound } from '@gatehouse/auth/outbound/outbound'
import { ofProvider, paths } from '@gatehouse/core/paths'
import type { Command } from 'commander'
import { systemClock } from '../clock.ts'
import { type KeylessConfiguration, loadForCommand } from '../configuration/load-for-use.ts'
import { type ConfigurationOptions, withConfiguration } from './open.ts'
import { answer, answerList, plain, print } from './output.ts'
import { WrongUseError } from './wrong-use.ts'

/** `gatehouse provider …`. */
export function addProviderCommands(program: Command): void {
  const provider = program.command('provider').description('outside providers, where people sign in')
  withConfiguration(provider.command('list'))
    .description('list the providers of the configuration')
    .addHelpText('after', '\nExample:\n  $ gatehouse provider list\n')
    .action(list)
  withConfiguration(provider.command('test'))
    .description('look at a provider without signing in, and say in plain words what is wrong')
    .argument('[name]', 'as the configuration calls it; may be left out where there is one alone')
    .addHelpText(
      'after',
      '\nExamples:\n  $ gatehouse provider test corp\n  $ gatehouse provider test corp --json\n\nExit code 1: something is wrong.\n',
    )
    .action(test)
}

const load = ({ config, dev }: ConfigurationOptions): Promise<KeylessConfiguration> =>
  loadForCommand({ file: config, development: dev ?? false })

async function list(options: ConfigurationOptions): Promise<void> {
  const rows = (await load(options)).auth.providers.map(({ name, definition, title, domains }) => ({
    ...{ name, kind: definition.kind, title, domains },
  }))
  await answerList(options, [rows], {
    columns: {
      name: ({ name }) => name,
      kind: ({ kind }) => kind,
      title: ({ title }) => title,
      domains: ({ domains }) => domains.join(' ') || '-',
    },
    tell: (row) => row,
  })
}

async function test(name: string | undefined, options: ConfigurationOptions): Promise<void> {
  const { issuer, development, auth } = await load(options)
  const settings = choose(auth.providers, name)
  const outbound = createOutbound({ allowLoopback: development })
  const providers = createProviders({ issuer, clock: systemClock, outbound }, [settings])
  const findings: Finding[] = []
  const note = (finding: Finding): void => {
    findings.push(finding)
    if (!options.json) print(`${formatFinding(finding)}\n`)
  }
  try {
    // Only opened within the time that a door has: whoever has several servers takes longer to look at.
    const provider = await providers.use(settings, async (opened) => opened)
    for await (const finding of provider.examine()) note(finding)
    if (!hasDoors(provider, settings)) note(wrongDoors(settings))
    const register = addressesFor(provider, settings, issuer)
    const ok = findings.every(({ state }) => state !== 'wrong')
    const { kind } = settings.definition
    const text = ok ? nextSteps(settings, register) : `\n${settings.name}: mend what is wrong, and test it again.`
    answer(options, { name: settings.name, kind, title: settings.title, ok, findings, register }, text)
    if (!ok) process.exitCode = 1
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error
    note({ what: settings.definition.kind, state: 'wrong', says: error.detail })
    const { kind } = settings.definition
    const told = { name: settings.name, kind, title: settings.title, ok: false, findings, register: {} }
    answer(options, told, `\n${settings.name}: it cannot be opened; mend that, and test it again.`)
    process.exitCode = 1
  } finally {
    providers.close()
    outbound.close()
  }
}

function choose(all: readonly ProviderSettings[], name: string | undefined): ProviderSettings {
  const [first, ...others] = all
  if (!first) throw new Error('the configuration has no providers; docs/guides shows how to write one')
  const names = all.map((each) => each.name).join(', ')
  if (name === undefined) {
    if (others.length === 0) return first
    throw new WrongUseError(`say which provider: ${names}`)
  }
  const found = all.find((each) => each.name === name)
  if (!found) throw new WrongUseError(`there is no provider ${name}; there are: ${names}`)
  return found
}

/** Only when a module is opened is it known what it exports. */
const hasDoors = ({ redirect, check }: Provider, { doors }: ProviderSettings): boolean =>
  (!doors.redirect || redirect !== undefined) && (!doors.check || check !== undefined)

const wrongDoors = ({ doors }: ProviderSettings): Finding => ({
  what: 'exports',
  state: 'wrong',
  says: doors.redirect
    ? 'start and finish are missing: without them `redirects: true` cannot be'
    : 'check is missing; where people are sent somewhere, write redirects: true',
})

/** Addresses of ours that the provider has to know, by what they are. */
type Addresses = Readonly<Partial<Record<'callback' | 'metadata' | 'logout', string>>>

function addressesFor(provider: Provider, { name }: ProviderSettings, issuer: string): Addresses {
  const address = (path: `${string}{provider}${string}`): string => issuer + ofProvider(path, name)
  return {
    ...(provider.redirect ? { callback: address(paths.federationCallback) } : {}),
    ...(provider.describe ? { metadata: address(paths.federationMetadata) } : {}),
    ...(provider.receiveLogout ? { logout: address(paths.federationLogout) } : {}),
  }
}

function nextSteps({ name, definition }: ProviderSettings, { callback, metadata, logout }: Addresses): string {
  if (callback === undefined) {
    return `\nNext: sign in with a name and a password of ${name}, on the sign-in page or by POST ${paths.login}.`
  }
  const says = definition.kind === 'saml' ? 'which says all of this' : 'our keys'
  return [
    '',
    `Next: have these registered at ${name}, if that is not done yet, and sign in:`,
    `  callback  ${callback}`,
    ...(logout === undefined ? [] : [`  logout    ${logout}`]),
    ...(metadata === undefined ? [] : [`  metadata  ${metadata} (${says})`]),
  ].join('\n')
}

const formatFinding = ({ what, state, says }: Finding): string =>
  `${state.padEnd('warning'.length)}  ${plain(what)}: ${plain(says)}`
