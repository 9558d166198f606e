import { GatehouseError } from '@gatehouse/core/errors'
import { JsonFaultError, parseJsonObject } from '@gatehouse/core/json'
import type { TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/schema'
import { type Escapes, parseForm, quoteName } from './read-body.ts'

const jsonFaults = {
  not_json: 'The body is not valid JSON',
  not_an_object: 'The body must be a JSON object',
  too_deep: 'The body is nested deeper than 20 levels',
  forbidden_member: 'The body has a member with a forbidden name',
  duplicate_member: 'The body names a member twice',
} as const

/** Parses a JSON body; every fault is `invalid_request` with a sentence that says which. */
export function parseJsonBody(text: string): unknown {
  try {
    return parseJsonObject(text)
  } catch (fault) {
    if (fault instanceof JsonFaultError) {
      throw new GatehouseError('invalid_request', { description: jsonFaults[fault.fault] })
    }
    throw fault
  }
}

/** Parses and checks a body by its schema. The schema is compiled at the first use, since most are never used. */
export class BodyChecker {
  readonly #kind: 'json' | 'form'
  readonly #schema: TSchema
  readonly #escapes: Escapes | undefined
  #validator: Validator | undefined

  constructor(kind: 'json' | 'form', schema: TSchema, escapes?: Escapes) {
    this.#kind = kind
    this.#schema = schema
    this.#escapes = escapes
  }

  /** The body as the schema describes it. Throws `invalid_request` that names the field at fault. */
  parse(text: string): unknown {
    const body = this.#kind === 'json' ? parseJsonBody(text) : parseForm(text, this.#escapes)
    this.#validator ??= Compile(this.#schema)
    if (!this.#validator.Check(body)) {
      const [, [first]] = this.#validator.Errors(body)
      throw new GatehouseError('invalid_request', { description: sentenceFor(first) })
    }
    return body
  }
}

interface ValidationError {
  readonly keyword: string
  readonly instancePath: string
  readonly params: object
  readonly message: string
}

function sentenceFor(error: ValidationError | undefined): string {
  if (!error) return 'The body does not have the expected form'
  const field = error.instancePath.slice(1).replaceAll('/', '.')
  if (error.keyword === 'required' && 'requiredProperties' in error.params) {
    const missing = String((error.params.requiredProperties as readonly string[])[0])
    return `The field ${quoteName(field ? `${field}.${missing}` : missing)} is missing`
  }
  // The schema of a member that the body's own does not name allows nothing.
  if (error.keyword === 'boolean') return `The field ${quoteName(field)} is not one of this endpoint`
  return `The field ${quoteName(field)} ${error.message}`
}
