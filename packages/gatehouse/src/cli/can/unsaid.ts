import type { Rehearsal } from '@gatehouse/gateway/rehearse'
import type { SupposedToken } from './suppose-token.ts'

/**
 * The claims that the answer depends on and that nobody has said anything of, in the words of conditions. What refuses for
 * another reason refuses whatever they are.
 */
export function findUnsaid({ route, denial }: Rehearsal, supposed: SupposedToken | undefined): readonly string[] {
  if (!supposed || !route) return []
  const { when } = route.requirement
  const index = /^require\.when\[(\d+)\]$/.exec(denial?.rule ?? '')?.[1]
  const asked = index === undefined ? (denial ? [] : when) : when.filter((_, at) => at === Number(index))
  return [...new Set(asked.flatMap(({ text }) => claimsRead(text)))].filter(
    (name) => name === '' || supposed.uncertain.includes(name),
  )
}

/** The names of the claims that a condition reads; empty: all of them. */
const claimsRead = (text: string): readonly string[] =>
  [...text.matchAll(/\bprincipal\s*\.\s*claims\b(?:\s*\.\s*(\w+)\b(?!\s*\()|\s*\[\s*(["'])(\w+)\2\s*\])?/g)].map(
    ([, field, , key]) => field ?? key ?? '',
  )

/** Why a question has neither yes nor no for its answer. */
export const describeUnsaid = (unsaid: readonly string[]): string =>
  `cannot be said, since the rule reads ${unsaid.map((name) => (name === '' ? 'principal.claims' : `principal.claims.${name}`)).join(' and ')}`
