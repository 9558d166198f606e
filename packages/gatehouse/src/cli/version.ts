import type { Command } from 'commander'
import { readVersion } from '../version.ts'
import { answer } from './output.ts'

/** `gatehouse version`. */
export function addVersionCommand(program: Command): void {
  program
    .command('version')
    .description('show the version')
    .option('--json', 'answer with JSON')
    .action((options: { json?: boolean }) => {
      answer(options, { version: readVersion(), node: process.versions.node }, readVersion())
    })
}
