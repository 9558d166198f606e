import { JsonFaultError, type JsonObject, parseJsonObject } from '@gatehouse/core/json'
import * as Type from 'typebox'
import { Compile } from 'typebox/schema'
import { readOwnAnswer, readOwnVerdict } from './own-answer.ts'
import type { Going, OutsideIdentity, StartedSignIn, WrongPassword } from './provider.ts'
import { ProviderFailure } from './provider-failure.ts'

const strict = { additionalProperties: false }
const address = Type.String({ minLength: 1, maxLength: 8000 })

/** What `start` answers: where to send people, and what `finish` is told again. */
const started = Type.Object(
  {
    go: Type.Union([
      Type.Object({ url: address }, strict),
      Type.Object(
        {
          form: Type.Object(
            { action: address, fields: Type.Record(Type.String(), Type.String({ maxLength: 50_000 })) },
            strict,
          ),
        },
        strict,
      ),
    ]),
    memory: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  },
  strict,
)
const validator = Compile(started)

/** Somebody, or undefined where the module says no: by `{ refused: true }`, or by nothing. Throws `invalid_answer`. */
export const readModuleUser = (text: string): OutsideIdentity | undefined =>
  text === 'null' ? undefined : readOwnAnswer(parse(text))

/** As {@link readModuleUser}, to a name and a password. */
export const readModuleVerdict = (text: string): OutsideIdentity | WrongPassword | undefined =>
  text === 'null' ? undefined : readOwnVerdict(parse(text))

/** Where people are sent. Throws `invalid_answer`, also for an address that is not one of the web. */
export function readModuleStart(text: string): StartedSignIn {
  const content = parse(text)
  if (!validator.Check(content)) throw invalid('expected { go: { url } or { form: { action, fields } }, memory }')
  const { go, memory = {} } = content
  if (!isWebAddress('url' in go ? go.url : go.form.action)) throw invalid('start leads to no https address')
  return { go: go satisfies Going, memory }
}

/** Threat: `javascript:` and its like in a place that a browser follows. */
function isWebAddress(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return (
    url?.protocol === 'https:' || (url?.protocol === 'http:' && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname))
  )
}

function parse(text: string): JsonObject {
  try {
    return parseJsonObject(text)
  } catch (error) {
    throw invalid(
      error instanceof JsonFaultError ? `its answer was not taken: ${error.fault}` : 'its answer is no JSON',
    )
  }
}

const invalid = (detail: string): ProviderFailure => new ProviderFailure('invalid_answer', `the module: ${detail}`)
