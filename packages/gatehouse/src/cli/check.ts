import type { Command } from 'commander'
import { loadConfiguration } from '../configuration/load.ts'
import { ConfigurationError } from '../configuration/problem.ts'
import { developmentBase } from '../development/demo-data.ts'
import { answer } from './output.ts'

/** `gatehouse check`: every problem of a configuration file, without starting. */
export function addCheckCommand(program: Command): void {
  program
    .command('check')
    .description('check a configuration file without starting')
    .argument('[file]', 'the configuration file', 'gatehouse.yaml')
    .option('--dev', 'check it as development mode would')
    .option('--json', 'answer with JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ gatehouse check gatehouse.yaml\n  $ gatehouse check --json gatehouse.yaml\n',
    )
    .action(async (file: string, options: { dev?: boolean; json?: boolean }) => {
      try {
        await loadConfiguration({
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
      answer(options, { ok: true, problems: [] }, `${file}: nothing wrong`)
    })
}
