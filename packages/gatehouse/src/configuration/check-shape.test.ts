import { Check } from 'typebox/schema'
import { expect, it } from 'vitest'
import { checkShape } from './check-shape.ts'
import { formatKey } from './problem.ts'
import { type SchemaNode, wholeSchema } from './schema-at.ts'

interface Place {
  readonly path: readonly (string | number)[]
  readonly node: SchemaNode
  /** Of a provider. */
  readonly kind?: string
}

/** Every place in the file, with `nm` for each name that people choose. */
function* places(node: SchemaNode, path: Place['path'] = [], kind?: string): Iterable<Place> {
  const own = kind ?? (node.properties?.kind?.const as string | undefined)
  if (path.length > 0) yield { path, node, ...(own !== undefined && { kind: own }) }
  const below: [string | number, SchemaNode][] = [
    ...Object.entries(node.properties ?? {}),
    ...Object.values(node.patternProperties ?? {}).map((named): [string, SchemaNode] => ['nm', named]),
    ...(node.items ? [[0, node.items] as [number, SchemaNode]] : []),
  ]
  for (const [name, member] of below) yield* places(member, [...path, name], own)
  for (const option of node.anyOf ?? []) {
    for (const place of places(option, path, own)) if (place.path !== path) yield place
  }
}

/** A content with a value at a path, in a provider of that kind. */
function contentWith([part, ...below]: Place['path'], value: unknown, kind: string | undefined): unknown {
  if (part === undefined) return value
  if (typeof part === 'number') return [contentWith(below, value, undefined)]
  if (part === 'providers' && below.length > 1)
    return { providers: { nm: { kind, ...(contentWith(below.slice(1), value, undefined) as object) } } }
  return { [part]: contentWith(below, value, undefined) }
}

it('a number where a section belongs is told which keys are possible there', () => {
  const problem = checkShape({ services: { orders: { health: 7 } } }, () => ({ file: 'f', line: 1 })).find(
    ({ key }) => key === 'services.orders.health',
  )
  expect(problem?.message).toMatch(/^expected keys and values; possible here: path, /)
})

it('a value of the wrong kind is told what is right there, and not what is right around it', () => {
  const wrong: string[] = []
  // Read as plain JSON Schema.
  for (const { path, node, kind } of places(wholeSchema)) {
    if (Check(node, 42.5)) continue
    const found = checkShape(contentWith(path, 42.5, kind), () => ({ file: 'f', line: 1 }))
    const message = found.find(({ key }) => key === formatKey(path))?.message
    const keys = Object.keys(node.properties ?? {})
    if (message === undefined || message === 'expected another value') wrong.push(`${formatKey(path)}: ${message}`)
    else if (node.expected === undefined && keys.length > 0 && !keys.every((key) => message.includes(key)))
      wrong.push(`${formatKey(path)}: ${message}`)
  }
  expect(wrong).toEqual([])
})
