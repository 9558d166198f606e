import { type AskedRequest, describeAsked } from '@gatehouse/gateway/authorize/asked-request'
import type { RemoteDefinition, RemoteVerdict } from '@gatehouse/gateway/authorize/remote-decider'

/** How one kind of decider is spoken to. */
export interface RemoteKind {
  /** What has to be said of a request, by an expression each; empty = the whole request is described. */
  readonly asks: readonly string[]
  /** The body of the question; `said` are the values of `asks`. */
  readonly body: (said: Readonly<Record<string, string>>, described: () => object) => object
  readonly readAnswer: (answer: unknown) => RemoteVerdict | undefined
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined

function verdict(allowed: unknown, reason?: unknown): RemoteVerdict | undefined {
  if (typeof allowed !== 'boolean') return undefined
  return typeof reason === 'string' ? { allowed, reason } : { allowed }
}

/** The kinds of deciders, by the word in the file. */
export const remoteKinds = {
  /** Any server of one's own. */
  json: {
    asks: [],
    body: (_said, described) => described(),
    readAnswer: (answer) => verdict(field(answer, 'allow'), field(answer, 'reason')),
  },
  /** Open Policy Agent's data API; a policy without a result says no. */
  opa: {
    asks: [],
    body: (_said, described) => ({ input: described() }),
    readAnswer(answer) {
      const result = field(answer, 'result')
      if (result === undefined) return { allowed: false, reason: 'the policy has no result for this' }
      return typeof result === 'boolean' ? verdict(result) : verdict(field(result, 'allow'), field(result, 'reason'))
    },
  },
  /** The Check call of OpenFGA. */
  openfga: {
    asks: ['user', 'relation', 'object'],
    body: (said) => ({ tuple_key: said }),
    readAnswer: (answer) => verdict(field(answer, 'allowed')),
  },
  /** The is_authorized call of cedar-agent. */
  cedar: {
    asks: ['principal', 'action', 'resource'],
    body: (said) => said,
    readAnswer(answer) {
      const decision = field(answer, 'decision')
      return decision === 'Allow' ? { allowed: true } : decision === 'Deny' ? { allowed: false } : undefined
    },
  },
} as const satisfies Record<string, RemoteKind>

/** An expression that makes a text of a request; throws where it has none. */
export type Said = (asked: AskedRequest, parameters: Parameters<RemoteDefinition['question']>[1]) => string

/** What is posted for a request. */
export const questionOf =
  (kind: RemoteKind, said: ReadonlyMap<string, Said>): RemoteDefinition['question'] =>
  (asked, parameters) =>
    kind.body(Object.fromEntries([...said].map(([name, say]) => [name, say(asked, parameters)])), () =>
      describeAsked(asked, parameters),
    )
