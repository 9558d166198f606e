/** A JSON value that came from outside and has been checked only for shape. */
export type JsonObject = { readonly [member: string]: unknown }

/** Why a text was not accepted by {@link parseJsonObject}. */
export type JsonFault = 'not_json' | 'not_an_object' | 'too_deep' | 'forbidden_member' | 'duplicate_member'

/** Thrown by {@link parseJsonObject}; `fault` says why. */
export class JsonFaultError extends Error {
  readonly fault: JsonFault

  constructor(fault: JsonFault) {
    super(`JSON refused: ${fault}`)
    this.name = 'JsonFaultError'
    this.fault = fault
  }
}

const forbidden = new Set(['__proto__', 'constructor', 'prototype'])

/**
 * Parses a text that must be one JSON object, nested at most `maxDepth` deep, without members that reach for a prototype.
 * With `unique`, a member named twice is refused too (RFC 7519 section 4): ask for it wherever a signature covers the text.
 * Throws {@link JsonFaultError}. Cost: one JSON.parse and one walk; `unique` adds one scan of the text.
 * Stops: prototype pollution, stack exhaustion, two parsers that read one token differently.
 */
export function parseJsonObject(text: string, options: { maxDepth?: number; unique?: boolean } = {}): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new JsonFaultError('not_json')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new JsonFaultError('not_an_object')
  const members = countMembers(value, options.maxDepth ?? 20)
  if (options.unique && countNames(text) !== members) throw new JsonFaultError('duplicate_member')
  return value as JsonObject
}

/** Counts the members of all objects in a value, and refuses what is nested too deep or has a forbidden name. */
function countMembers(value: object, left: number): number {
  if (left === 0) throw new JsonFaultError('too_deep')
  let count = 0
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object' && item !== null) count += countMembers(item, left - 1)
    return count
  }
  for (const name of Object.keys(value)) {
    if (forbidden.has(name)) throw new JsonFaultError('forbidden_member')
    count += 1
    const member = (value as Record<string, unknown>)[name]
    if (typeof member === 'object' && member !== null) count += countMembers(member, left - 1)
  }
  return count
}

/**
 * Counts the member names that stand in a valid JSON text: the strings that a colon follows. A name that stands twice in
 * one object is one member after parsing, so that the two counts differ, whatever escapes the names are written with.
 */
function countNames(text: string): number {
  let count = 0
  let start = text.indexOf('"')
  while (start !== -1) {
    let end = text.indexOf('"', start + 1)
    while (isEscaped(text, end)) end = text.indexOf('"', end + 1)
    let after = end + 1
    while (text.charCodeAt(after) <= 0x20) after += 1
    if (text.charCodeAt(after) === 0x3a) count += 1
    start = text.indexOf('"', after)
  }
  return count
}

/** Whether an odd number of backslashes stands before a quotation mark. */
function isEscaped(text: string, mark: number): boolean {
  let position = mark - 1
  while (text.charCodeAt(position) === 0x5c) position -= 1
  return (mark - position) % 2 === 0
}
