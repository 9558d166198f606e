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

/**
 * The names of the claims that a condition reads; empty: all of them, as where `principal` is handed on or read by `["…"]`. By the letters of
 * the condition, so that what stands within a text counts too: that makes an answer less sure, and never wrong.
 */
function claimsRead(text: string): readonly string[] {
  const named = [
    ...text.matchAll(/\bprincipal\s*\.\s*claims\b(?:\s*\.\s*(\w+)\b(?!\s*\()|\s*\[\s*(["'])(\w+)\2\s*\])?/g),
  ].map(([, field, , key]) => field ?? key ?? '')
  return /\bprincipal\b(?!\s*\.\s*[A-Za-z_])/.test(text) ? ['', ...named] : named
}

/** Why a question has neither yes nor no for its answer. */
export const describeUnsaid = (unsaid: readonly string[]): string =>
  `cannot be said, since the rule reads ${unsaid.map((name) => (name === '' ? 'principal.claims' : `principal.claims.${name}`)).join(' and ')}`
