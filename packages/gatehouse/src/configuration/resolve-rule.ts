import { parseDuration } from '@gatehouse/core/time'
import type { RuleExpression } from '@gatehouse/gateway/authorize/asked-request'
import type { RequireDefinition } from '@gatehouse/gateway/authorize/requirement'
import { parsePattern } from '@gatehouse/gateway/path-pattern'
import type { Report } from './problem.ts'
import { resolveRemote } from './resolve-remote.ts'
import { compileCondition } from './rule-compiler.ts'
import type { ConfigurationFile } from './schema.ts'

/** What stands under `require` in the file. */
export type RuleEntry = NonNullable<ConfigurationFile['services']>[string]['routes'][number]['require']

/** A rule as the gateway takes it, its conditions compiled; reports what cannot be meant by its key within the rule. */
export function resolveRule(rule: RuleEntry, pattern: string, report: Report): RequireDefinition {
  if (typeof rule !== 'object') return rule
  const { max_age, when, remote, ...others } = rule
  const names = namesOf(pattern)
  return {
    ...others,
    // What the pattern lets through and is longer than ten years is refused with the route.
    ...(max_age === undefined ? {} : { maxAge: parseDuration(max_age) ?? Number.NaN }),
    ...(when === undefined ? {} : { when: resolveConditions(when, names, report) }),
    ...(remote === undefined ? {} : { remote: resolveRemote(remote, names, report) }),
  }
}

/** The `{name}` segments of a pattern; one that is none is refused with the route. */
function namesOf(pattern: string): readonly string[] {
  const read = parsePattern(pattern)
  return 'fault' in read ? [] : read.parameters.map(({ name }) => name)
}

/** What cannot be compiled stands as a condition that nothing meets, so that a reported problem can never let through. */
function resolveConditions(
  when: string | readonly string[],
  names: readonly string[],
  report: Report,
): RuleExpression[] {
  return [when].flat().map((text, index) => {
    const compiled = compileCondition(text, names)
    if (typeof compiled !== 'string') return compiled
    report(typeof when === 'string' ? ['when'] : ['when', index], compiled)
    return { text, reads: new Set(), test: () => false }
  })
}
