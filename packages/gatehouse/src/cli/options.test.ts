import type { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { buildCommandLine } from './command-line.ts'

/** Commands that do nothing but read their options, and say nothing. */
function readOnly(command: Command, read: (options: unknown) => void): Command {
  command.exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} })
  if (command.commands.length === 0) command.action((...given) => read(given.at(-2)))
  for (const below of command.commands) readOnly(below, read)
  return command
}

/** The options of a command, or with which code it was refused. */
async function read(args: readonly string[]): Promise<unknown> {
  let options: unknown
  const program = readOnly(buildCommandLine(), (read) => {
    options = read
  })
  try {
    await program.parseAsync(args, { from: 'user' })
    return options
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('commander.')) return 'wrong use'
    throw error
  }
}

describe('the options of commands', () => {
  it.each([
    'user change alice --scope b --no-scope',
    'user change alice --no-scope --scope b',
    'user change alice --role auditor --no-role',
    'user change alice --no-role --role auditor',
    'user add bob --no-password --hash',
    'user add bob --hash --no-password',
    'client add web --public --jwks keys.json',
    'client add web --jwks keys.json --first-party',
  ])('do not contradict each other: %s', async (line) => {
    expect(await read(line.split(' '))).toBe('wrong use')
  })

  it.each([
    ['user', 'change', 'alice', '--scope', ''],
    ['user', 'change', 'alice', '--role', ' , '],
    ['user', 'add', 'erin', '--scope', 'orders:read orders:write'],
    ['user', 'add', 'erin', '--scope', 'a"b'],
    ['user', 'invite', 'erin@example.com', '--scope', 'a b'],
    ['user', 'invite', 'erin@example.com', '--language', 'xx'],
    ['client', 'add', 'web', '--scope', 'a b'],
    ['client', 'add', 'web', '--audience', 'https://a.example https://b.example'],
    ['client', 'invite', '--uses', 'x'],
    ['client', 'invite', '--uses', '0'],
    ['client', 'invite', '--expires', '7'],
    ['client', 'rotate-secret', 'web', '--overlap', 'x'],
    ['can', 'alice', 'GET', '/', '--scope', 'a b'],
    ['can', 'alice', 'GET', '/', '--address', 'nonsense'],
    ['can', 'alice', 'GET', '/', '--acr', '99'],
    ['can', 'alice', 'GET', '/', '--signed-in', '10'],
  ])('have no values that cannot be: %s %s %s %s %s %s', async (...args) => {
    expect(await read(args)).toBe('wrong use')
  })

  it('are taken together where they can be', async () => {
    expect(await read(['user', 'change', 'alice', '--scope', 'a,b', '--scope', 'c', '--no-role'])).toMatchObject({
      ...{ scope: ['a', 'b', 'c'], role: false },
    })
    expect(await read(['user', 'change', 'alice', '--no-scope', '--no-scope'])).toMatchObject({ scope: false })
    expect(await read(['client', 'invite'])).toMatchObject({ uses: 1, expires: 86_400 })
    expect(await read(['client', 'rotate-secret', 'web', '--overlap', '0s'])).toMatchObject({ overlap: 0 })
    expect(await read(['can', 'alice', 'GET', '/', '--address', '2001:db8::7', '--acr', '2'])).toMatchObject({
      ...{ address: '2001:db8::7', acr: '2' },
    })
  })
})
