import { type Command, Option } from 'commander'
import { buildRoutes, describeLeft, formatRoutes, type UndeclaredRule } from '../openapi/build-routes.ts'
import { readOpenApi } from '../openapi/read-document.ts'
import { answer } from './output.ts'

interface ImportOptions {
  readonly service: string
  readonly basePath?: string
  readonly undeclared?: UndeclaredRule
  readonly json?: boolean
}

/** `gatehouse import …`: lines of configuration out of what there is already. */
export function addImportCommands(program: Command): void {
  const importing = program.command('import').description('make configuration of what there is already')
  importing
    .command('openapi')
    .description('print the routes of a service, with their scopes, by its OpenAPI document; nothing is written')
    .argument('<file>', 'an OpenAPI document of version 3, YAML or JSON')
    .requiredOption('--service <name>', 'the service, as it stands or will stand in the configuration file')
    .option('--base-path <path>', 'what comes before its paths; left out: the path of its servers')
    .addOption(
      new Option(
        '--undeclared <rule>',
        'the rule for operations without any security; left out: they get no route',
      ).choices(['signed-in', 'token', 'nothing']),
    )
    .option('--json', 'answer with JSON')
    .addHelpText(
      'after',
      '\nExample:\n  $ gatehouse import openapi orders.yaml --service orders > routes.yaml\n\nExit code 1: there are operations for which there is no route; they are named.\n',
    )
    .action(importOpenApi)
}

function importOpenApi(file: string, options: ImportOptions): void {
  const imported = buildRoutes(readOpenApi(file, options.basePath), options.undeclared)
  answer(options, imported, formatRoutes(options.service, imported))
  for (const one of imported.left) process.stderr.write(`${describeLeft(one)}\n`)
  if (imported.left.length > 0) process.exitCode = 1
}
