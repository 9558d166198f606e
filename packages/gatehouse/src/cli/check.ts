import type { Command } from 'commander'
import { loadConfiguration } from '../configuration/load.ts'
import { ConfigurationError } from '../configuration/problem.ts'
import type { ResolvedConfiguration } from '../configuration/resolve.ts'
import { developmentBase } from '../development/demo-data.ts'
import { findDrift } from '../openapi/find-drift.ts'
import { findUndocumented } from '../openapi/find-undocumented.ts'
import { readOpenApi } from '../openapi/read-document.ts'
import { type ConfigurationOptions, withConfiguration } from './open.ts'
import { answer, answerWarning } from './output.ts'
import { WrongUseError } from './wrong-use.ts'

interface CheckOptions extends ConfigurationOptions {
  readonly openapi?: string
  readonly service?: string
  readonly basePath?: string
}

/** `gatehouse check`: what is wrong with a configuration file, without starting; and where an OpenAPI document says otherwise. */
export function addCheckCommand(program: Command): void {
  withConfiguration(program.command('check'))
    .description('check a configuration file without starting')
    .argument('[file]', 'the configuration file, as --config names it')
    .option('--openapi <file>', 'compare the routes with this OpenAPI document too')
    .option(
      '--service <name>',
      'the service that the document is of, whose open routes it should have; left out: whichever the routes lead to',
    )
    .option('--base-path <path>', 'what comes before its paths; left out: the path of its servers')
    .addHelpText(
      'after',
      '\nExamples:\n  $ gatehouse check gatehouse.yaml\n  $ gatehouse check --json gatehouse.yaml\n  $ gatehouse check --openapi orders.yaml --service orders\n\nExit code 1: something is wrong with the file, or the document says something else than its routes.\n',
    )
    .action((file: string | undefined, options: CheckOptions, command: Command) => {
      if (file !== undefined && command.getOptionValueSource('config') === 'cli')
        throw new WrongUseError('name the configuration file once: as an argument or with --config')
      return check(file ?? options.config, options)
    })
}

async function check(file: string, options: CheckOptions): Promise<void> {
  if (options.openapi === undefined && (options.service !== undefined || options.basePath !== undefined)) {
    throw new WrongUseError('--service and --base-path go with --openapi alone')
  }
  let configuration: ResolvedConfiguration
  try {
    configuration = await loadConfiguration({
      file,
      development: options.dev ?? false,
      environment: process.env,
      ...(options.dev ? { base: developmentBase } : {}),
    })
  } catch (error) {
    if (!options.json || !(error instanceof ConfigurationError)) throw error
    answer(options, { ok: false, problems: error.problems }, '')
    process.exitCode = 1
    return
  }
  const fine = `${file}: nothing wrong`
  if (options.openapi === undefined) answerWarning(options, { ok: true, problems: [] }, fine, configuration.warnings)
  else compare(file, options.openapi, configuration, options)
}

function compare(file: string, openapi: string, { routes }: ResolvedConfiguration, options: CheckOptions): void {
  const document = readOpenApi(openapi, options.basePath)
  const { service } = options
  const definition = routes?.services.find(({ name }) => name === service)
  if (!routes || (service !== undefined && !definition)) {
    throw new WrongUseError(`${file} has no service ${service ?? 'at all'}`)
  }
  const host = definition?.host ?? routes.issuerHost
  const comparison = { document, table: routes, host, service }
  const drift = [...findDrift(comparison), ...(service === undefined ? [] : findUndocumented(comparison))]
  const lines = drift.map(({ operation, message }) => `${operation}: ${message}`)
  const fine = `${file}: nothing wrong, and its routes say what ${openapi} says`
  answer(options, { ok: drift.length === 0, problems: [], drift }, lines.length === 0 ? fine : lines.join('\n'))
  if (drift.length > 0) process.exitCode = 1
}
