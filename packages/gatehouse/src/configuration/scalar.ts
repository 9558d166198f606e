import type { SchemaNode } from './schema-at.ts'

/** What a scalar in the file can be. */
export type ScalarKind = 'string' | 'boolean' | 'number'

const kindsOfTypes: Readonly<Record<string, ScalarKind>> = {
  string: 'string',
  boolean: 'boolean',
  integer: 'number',
  number: 'number',
}

/** The kinds of scalar that a schema takes; none where it takes only lists, or keys and values. */
export function scalarKinds(node: SchemaNode): ReadonlySet<ScalarKind> {
  const types = [node.type, ...(node.enum ?? []).map((one) => typeof one), typeof node.const]
  const own = types.map((type) => kindsOfTypes[type ?? '']).filter((kind) => kind !== undefined)
  return new Set([...own, ...(node.anyOf ?? []).flatMap((option) => [...scalarKinds(option)])])
}

/**
 * What a text from the environment stands for where the schema takes such scalars: a number or true or false where one is taken and
 * the text is one. Anything else stays text, for the schema to judge.
 */
export function parseScalar(text: string, kinds: ReadonlySet<ScalarKind>): string | number | boolean {
  if (kinds.has('boolean') && (text === 'true' || text === 'false')) return text === 'true'
  if (kinds.has('number') && /^-?\d{1,15}(\.\d{1,15})?$/.test(text)) return Number(text)
  return text
}
