import { type ErrorCode, GatehouseError } from '@gatehouse/core/errors'
import { Command } from 'commander'
import { ConfigurationError } from '../configuration/problem.ts'
import { LoggedError } from '../serve.ts'
import { endProcess, standardError } from '../telemetry/line-writer.ts'
import { readVersion } from '../version.ts'
import { addBackupCommand } from './backup.ts'
import { addCanCommand } from './can/can.ts'
import { addCheckCommand } from './check.ts'
import { addClientCommands } from './client.ts'
import { addExplainCommand } from './explain.ts'
import { addImportCommands } from './import.ts'
import { addKeysCommands } from './keys.ts'
import { addMigrateCommand } from './migrate.ts'
import { addOrganisationCommands } from './organisation.ts'
import { addProviderCommands } from './provider.ts'
import { addReloadCommand } from './reload.ts'
import { addDevCommand, addServeCommand } from './serve.ts'
import { addTokenCommand } from './token.ts'
import { addUserCommands } from './user.ts'
import { addVersionCommand } from './version.ts'
import { WrongUseError } from './wrong-use.ts'

/** Exit codes: 0 done, 1 refused or failed, 2 wrong use: options or values that cannot be, and names that there are not. */
const failed = 1
const wrongUse = 2

/** Errors that say of what was given on the command line that it cannot be, or that there is no such thing. */
const codesOfWrongUse: ReadonlySet<string> = new Set<ErrorCode>([
  'invalid_request',
  'invalid_client_metadata',
  'invalid_redirect_uri',
  'not_found',
])

/** The command line with every command. */
export function buildCommandLine(): Command {
  const program = new Command('gatehouse')
    .description('Authentication service and API gateway in one process')
    .version(readVersion(), '-V, --version', 'show the version')
    .showHelpAfterError('(gatehouse --help shows what there is)')
  addServeCommand(program)
  addDevCommand(program)
  addCheckCommand(program)
  addImportCommands(program)
  addReloadCommand(program)
  addUserCommands(program)
  addOrganisationCommands(program)
  addClientCommands(program)
  addProviderCommands(program)
  addKeysCommands(program)
  addExplainCommand(program)
  addCanCommand(program)
  addTokenCommand(program)
  addMigrateCommand(program)
  addBackupCommand(program)
  addVersionCommand(program)
  return program
}

/** Runs one command and sets the exit code. */
export async function runCommandLine(argv: readonly string[]): Promise<void> {
  const program = buildCommandLine()
  overrideExit(program)
  try {
    await program.parseAsync(argv)
  } catch (error) {
    await report(error)
  }
}

/** Commander ends with 1 for wrong use; here that means refused. Its commands do not inherit the override. */
function overrideExit(command: Command): void {
  command.exitOverride((error) => {
    process.exitCode = error.exitCode === 0 ? 0 : wrongUse
    throw error
  })
  for (const below of command.commands) overrideExit(below)
}

async function report(error: unknown): Promise<void> {
  // Commander has said what is wrong and set the code.
  if (error instanceof Error && 'code' in error && String(error.code).startsWith('commander.')) return
  process.exitCode = isWrongUse(error) ? wrongUse : failed
  if (error instanceof LoggedError) return endProcess(failed)
  const write = (text: string): void => standardError().write(text)
  if (error instanceof ConfigurationError) write(`${error.message}\n`)
  else if (error instanceof GatehouseError) write(`gatehouse: ${error.message}${explain(error)}\n`)
  else if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    write(`gatehouse: the address is taken: ${error.message.replace(/^listen EADDRINUSE: /, '')}\n`)
  } else write(`gatehouse: ${error instanceof Error ? error.message : String(error)}\n`)
  // What is half open must not keep a failed start alive.
  await endProcess(process.exitCode)
}

const isWrongUse = (error: unknown): boolean =>
  error instanceof WrongUseError || (error instanceof GatehouseError && codesOfWrongUse.has(error.code))

/** For the operator, who may know what strangers may not; of a name that is taken, the database's words say no more. */
const explain = ({ code, cause }: GatehouseError): string =>
  cause instanceof Error && code !== 'already_exists' ? ` (${cause.message})` : ''
