import type { JsonObject } from '@gatehouse/core/json'
import * as Type from 'typebox'
import { Compile } from 'typebox/schema'
import type { OutsideIdentity, WrongPassword } from './provider.ts'
import { ProviderFailure } from './provider-failure.ts'

/** Somebody, as a program of one's own tells of them: by a subject, and by claims beside it. */
const user = Type.Object({
  subject: Type.String({ minLength: 1, maxLength: 255 }),
  amr: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 50 }), { maxItems: 10 })),
})

/** What such a program answers to a name and a password, or about somebody it has told of. */
const answer = Type.Union([
  Type.Object({ user }, { additionalProperties: false }),
  Type.Object(
    {
      refused: Type.Literal(true),
      reason: Type.Optional(Type.String({ maxLength: 500 })),
      /** Whose password it is not: for counting, where several names lead to one. */
      subject: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
    },
    { additionalProperties: false },
  ),
])

const validator = Compile(answer)

/**
 * Reads an answer that has been parsed by `parseJsonObject`; undefined = refused. Nothing of the program's own reason is
 * told: to a password there is one no. Throws `invalid_answer` where it is neither.
 */
export function readOwnAnswer(content: JsonObject): OutsideIdentity | undefined {
  const answer = readOwnVerdict(content)
  return answer && 'wrongFor' in answer ? undefined : answer
}

/** As {@link readOwnAnswer}, to a name and a password. */
export function readOwnVerdict(content: JsonObject): OutsideIdentity | WrongPassword | undefined {
  if (!validator.Check(content)) {
    throw new ProviderFailure('invalid_answer', 'expected { user: { subject, … } } or { refused: true }')
  }
  if (!('user' in content)) return content.subject === undefined ? undefined : { wrongFor: content.subject }
  const { subject, amr, ...claims } = content.user
  return { subject, claims, ...(amr === undefined ? {} : { amr }) }
}
