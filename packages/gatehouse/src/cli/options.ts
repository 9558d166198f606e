import type { Seconds } from '@gatehouse/core/brand'
import { parseScope } from '@gatehouse/core/scope'
import { parseDuration } from '@gatehouse/core/time'
import { type Command, InvalidArgumentError } from 'commander'

/** Collects a repeatable or comma-separated option. What names nothing, as an empty variable of a script does, is wrong use. */
export function collect(value: string, previous: readonly string[] = []): readonly string[] {
  const parts = value
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)
  if (parts.length === 0) throw new InvalidArgumentError('It names nothing: leave the option out.')
  return [...previous, ...parts]
}

/** As {@link collect}, for names without a space, such as audiences. */
export function collectWords(value: string, previous?: readonly string[]): readonly string[] {
  const words = collect(value, previous)
  const wrong = words.find((word) => /\s/.test(word))
  if (wrong !== undefined) throw new InvalidArgumentError(`"${wrong}" has a space; ${severalAre}`)
  return words
}

/** As {@link collect}, for scopes: what the configuration file would refuse is wrong use. Spec: RFC 6749 section 3.3. */
export function collectScopes(value: string, previous?: readonly string[]): readonly string[] {
  const scopes = collectWords(value, previous)
  const wrong = scopes.find((scope) => parseScope(scope) === undefined)
  if (wrong !== undefined) throw new InvalidArgumentError(`"${wrong}" has a character that scopes cannot have.`)
  return scopes
}

const severalAre = 'several are written with commas between them, or each with the option.'

/** Reads an option that is a duration. */
export function parseDurationOption(value: string): Seconds {
  const parsed = parseDuration(value)
  if (parsed === undefined) throw new InvalidArgumentError('Expected a duration such as 30s, 5m, 12h or 90d.')
  return parsed
}

/**
 * Makes `--name` beside `--no-name` wrong use. Commander takes both for one option, of which the last one counts, so that its
 * own `conflicts` cannot tell them apart. To be called before the options are added, so that it is heard before what they collect.
 */
export function refuseBoth(command: Command, name: string): Command {
  const given = new Set<string>()
  for (const one of [name, `no-${name}`]) {
    command.on(`option:${one}`, () => {
      if (given.add(one).size > 1) command.error(`error: option '--${name}' cannot be used with option '--no-${name}'`)
    })
  }
  return command
}
