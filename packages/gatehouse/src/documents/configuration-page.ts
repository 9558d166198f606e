import { environmentKeys } from '../configuration/environment.ts'
import { fixedKeys } from '../configuration/restart.ts'
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
\`gatehouse check FILE\` says the same without starting. Inside values \`\${NAME}\` stands for an environment variable, also for
a number or true or false, and \`$\${\` for \`\${\` itself. Every scalar key can also be set by the variable beside it; the variable wins. \`check\` and the log warn of
variables that begin with \`GATEHOUSE_\` and set nothing.

Relative paths in the file count from its own folder, so that they mean the same wherever a command is run; in variables, as on the
command line, they count from the working directory.

Editors complete the file with [gatehouse.schema.json](gatehouse.schema.json). Durations are whole numbers with a unit:
\`30s\`, \`5m\`, \`12h\`, \`90d\`.

SIGHUP or \`gatehouse reload\` takes a changed file, all of it at once and together but for what needs a restart: ${listKeys(fixedKeys)}.
What depends on one of these waits with it where the running process cannot do it: \`sign_up\` and \`sign_in\` by mail where there was no way to
send any, clients that prove themselves by a certificate where none could reach Gatehouse, and \`trusted_proxies\` where certificates come in a
header that the new file names no more. \`gatehouse reload\` and the log name what waits. A file with a problem, or with another issuer, is not taken.

| key | meaning | default | variable |
|---|---|---|---|
${rows.join('\n')}
`
}

const listKeys = (keys: readonly string[]): string =>
  keys
    .map((key) => `\`${key}\``)
    .join(', ')
    .replace(/, ([^,]*)$/, ' and $1')

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
    for (const named of Object.values(below.patternProperties ?? {})) rows.push(...collectNamed(named, `${key}.<name>`))
    if (below.items) rows.push(...collectRows(below.items, `${key}[]`))
    for (const option of below.anyOf ?? []) rows.push(...collectRows(option, key))
  }
  return rows
}

/** The keys of what has a name; where there are several kinds of it, those of all kinds first. */
function collectNamed(node: SchemaNode, prefix: string): Row[] {
  const kinds = node.anyOf ?? []
  if (kinds.length === 0 || kinds.some((kind) => kindOf(kind) === undefined)) return collectRows(node, prefix)
  const kindKey = `${prefix}.kind`
  const merged = new Map<string, { readonly row: Row; readonly of: string[] }>()
  for (const kind of kinds) {
    const name = kindOf(kind) ?? ''
    for (const row of collectRows(kind, prefix)) {
      if (row.key === kindKey) continue
      const same = JSON.stringify(row)
      const known = merged.get(same)
      if (known) known.of.push(name)
      else merged.set(same, { row, of: [name] })
    }
  }
  const all = [...merged.values()]
  return [
    { key: kindKey, node: { description: kinds[0]?.properties?.kind?.description ?? '' }, required: true },
    ...kinds.map((kind) => ({ key: `${kindKey}: ${kindOf(kind)}`, node: kind, required: false })),
    ...all.filter(({ of }) => of.length === kinds.length).map(({ row }) => row),
    ...all.filter(({ of }) => of.length < kinds.length).map(({ row, of }) => ofKinds(row, of)),
  ]
}

const kindOf = ({ properties }: SchemaNode): string | undefined =>
  typeof properties?.kind?.const === 'string' ? properties.kind.const : undefined

const ofKinds = ({ key, node, required }: Row, kinds: readonly string[]): Row => ({
  ...{ key, required },
  node: {
    ...node,
    description: `${kinds.length === 1 ? 'kind' : 'kinds'} ${kinds.join(', ')}: ${node.description ?? ''}`,
  },
})

const escapeCell = (text: string): string => text.replaceAll('|', '\\|')

/** docs/gatehouse.schema.json, for editors. */
export const renderConfigurationSchema = (): string =>
  `${JSON.stringify({ $schema: 'https://json-schema.org/draft/2020-12/schema', ...withoutExpected(configurationSchema) }, null, 2)}\n`

/** The schema without what only our own messages use. */
function withoutExpected(value: unknown): object {
  return JSON.parse(
    JSON.stringify(value, (name, inner: unknown) =>
      (name === 'expected' && typeof inner === 'string') || (name === 'isPath' && inner === true) ? undefined : inner,
    ),
  ) as object
}
