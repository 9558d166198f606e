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
  checkDepth(value, options.maxDepth ?? 20)
  if (options.unique && hasDuplicateMember(text)) throw new JsonFaultError('duplicate_member')
  return value as JsonObject
}

function checkDepth(value: object, left: number): void {
  if (left === 0) throw new JsonFaultError('too_deep')
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object' && item !== null) checkDepth(item, left - 1)
    return
  }
  for (const name of Object.keys(value)) {
    if (forbidden.has(name)) throw new JsonFaultError('forbidden_member')
    const member = (value as Record<string, unknown>)[name]
    if (typeof member === 'object' && member !== null) checkDepth(member, left - 1)
  }
}

/** Whether an object somewhere in this valid JSON text names one member twice, escapes resolved. */
function hasDuplicateMember(text: string): boolean {
  const open: (Set<string> | undefined)[] = []
  let position = 0
  while (position < text.length) {
    const character = text.charCodeAt(position)
    if (character === 0x7b) open.push(new Set())
    else if (character === 0x5b) open.push(undefined)
    else if (character === 0x7d || character === 0x5d) open.pop()
    else if (character === 0x22) {
      const end = endOfString(text, position)
      const names = open.at(-1)
      if (names && isMemberName(text, end)) {
        const name = JSON.parse(text.slice(position, end)) as string
        if (names.has(name)) return true
        names.add(name)
      }
      position = end
      continue
    }
    position += 1
  }
  return false
}

function endOfString(text: string, start: number): number {
  let position = start + 1
  while (text.charCodeAt(position) !== 0x22) position += text.charCodeAt(position) === 0x5c ? 2 : 1
  return position + 1
}

function isMemberName(text: string, afterString: number): boolean {
  let position = afterString
  while (text.charCodeAt(position) <= 0x20) position += 1
  return text.charCodeAt(position) === 0x3a
}
