import { environmentKeys } from '../configuration/environment.ts'
import { configurationSchema } from '../configuration/schema.ts'

interface SchemaNode {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>
  readonly required?: readonly string[]
  readonly items?: SchemaNode
  readonly anyOf?: readonly SchemaNode[]
  readonly expected?: string
}

const schema = configurationSchema as unknown as SchemaNode // read as plain JSON Schema

/** docs/configuration.md: every key with its meaning, default and variable. */
export function renderConfigurationPage(): string {
  const variables = new Map(environmentKeys().map(({ path, name }) => [path.join('.'), name]))
  const rows = collectRows(schema, '').map(({ key, node, required }) => {
    const fallback = required ? 'required' : node.default === undefined ? '' : `\`${String(node.default)}\``
    const variable = variables.get(key)
    return `| \`${key}\` | ${escapeCell(node.description ?? '')} | ${fallback} | ${variable === undefined ? '' : `\`${variable}\``} |`
  })
  return `# Configuration

One YAML file, \`gatehouse.yaml\` unless \`--config\` or \`GATEHOUSE_CONFIG\` names another. It is strict: an unknown key, a
missing secret or a value that cannot be meant stops the start, with file, line, key and what would be right.
\`gatehouse check FILE\` says the same without starting. Inside values \`\${NAME}\` stands for an environment variable, and
\`$\${\` for \`\${\` itself. Every scalar key can also be set by the variable beside it; the variable wins.

Editors complete the file with [gatehouse.schema.json](gatehouse.schema.json). Durations are whole numbers with a unit:
\`30s\`, \`5m\`, \`12h\`, \`90d\`.

SIGHUP or \`gatehouse reload\` takes a changed file: services, routes, clients, lifetimes and the rotation of keys change at
once and together. Everything else needs a restart, and the log names what is waiting for one. A file with a problem, or
with another issuer, is not taken.

| key | meaning | default | variable |
|---|---|---|---|
${rows.join('\n')}
`
}

interface Row {
  readonly key: string
  readonly node: SchemaNode
  readonly required: boolean
}

function collectRows(node: SchemaNode, prefix: string): Row[] {
  const rows: Row[] = []
  for (const [name, below] of Object.entries(node.properties ?? {})) {
    const key = prefix === '' ? name : `${prefix}.${name}`
    if (below.description !== undefined || !below.properties)
      rows.push({ key, node: below, required: node.required?.includes(name) ?? false })
    rows.push(...collectRows(below, key))
    for (const named of Object.values(below.patternProperties ?? {})) rows.push(...collectRows(named, `${key}.<name>`))
    if (below.items) rows.push(...collectRows(below.items, `${key}[]`))
    for (const option of below.anyOf ?? []) rows.push(...collectRows(option, key))
  }
  return rows
}

const escapeCell = (text: string): string => text.replaceAll('|', '\\|')

/** docs/gatehouse.schema.json, for editors. */
export const renderConfigurationSchema = (): string =>
  `${JSON.stringify({ $schema: 'https://json-schema.org/draft/2020-12/schema', ...withoutExpected(configurationSchema) }, null, 2)}\n`

/** The schema without what only our own messages use. */
function withoutExpected(value: unknown): object {
  return JSON.parse(
    JSON.stringify(value, (name, inner: unknown) =>
      name === 'expected' && typeof inner === 'string' ? undefined : inner,
    ),
  ) as object
}
