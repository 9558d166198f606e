import type { Command } from 'commander'
import { buildCommandLine } from '../cli/command-line.ts'

/** docs/cli.md: the help of every command. */
export function renderCommandLinePage(): string {
  return `# Command line

Exit codes: 0 done, 1 refused or failed, 2 wrong use: options or values that cannot be, and names of users, clients and the like that
there are not. Secrets come from a prompt or standard input, never from an argument.

${leaves(buildCommandLine()).map(renderCommand).join('\n')}`
}

const leaves = (command: Command): readonly Command[] =>
  command.commands.length === 0 ? [command] : command.commands.flatMap(leaves)

function renderCommand(command: Command): string {
  let text = ''
  command.configureOutput({
    writeOut: (part) => {
      text += part
    },
    getOutHelpWidth: () => 100,
  })
  command.outputHelp()
  return `## ${nameOf(command)}\n\n\`\`\`text\n${text.trim()}\n\`\`\`\n`
}

const nameOf = (command: Command): string =>
  command.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name()
