import { readFileSync } from 'node:fs'
import { type Document, isMap, isNode, isScalar, LineCounter, type Pair, parseDocument, visit } from 'yaml'
import { ConfigurationError, formatKey, type Problem } from './problem.ts'

type Path = readonly (string | number)[]

/** A configuration file that has been read but not checked. */
export interface ReadFile {
  readonly file: string
  /** The content with `${NAME}` replaced. */
  readonly content: unknown
  /** The line of a key or of its nearest parent, from 1; a member that should not be there is found by its own name. */
  lineOf(path: Path): number | undefined
  /** What could not be replaced. */
  readonly problems: readonly Problem[]
  /** The environment variables that it names. */
  readonly variables: ReadonlySet<string>
  /** Where variables stood: what is there now is text, whatever the schema wants. */
  readonly replaced: readonly Path[]
}

/** Reads a YAML file. Throws {@link ConfigurationError} where it cannot be read or is no YAML. */
export function readConfigurationFile(file: string, environment: NodeJS.ProcessEnv): ReadFile {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new ConfigurationError([{ file, line: undefined, key: '', message: explainUnread(cause) }])
  }
  return readConfigurationText(text, file, environment)
}

function explainUnread(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
  if (code === 'ENOENT') return 'there is no such file; name another with --config'
  if (code === 'EMFILE')
    return `the file cannot be read: this process has as many files and connections open as it may, ${findOpenLimit()} (EMFILE); allow it more, by ulimit -n or LimitNOFILE`
  if (code === 'ENFILE')
    return 'the file cannot be read: the machine has as many files open as it may (ENFILE); raise fs.file-max'
  return `the file cannot be read (${code}); name another with --config`
}

/** Asked of the system itself: to read it from /proc takes a file more. */
function findOpenLimit(): string | number {
  // Else it would ask by what names those at the other ends of connections are known.
  Object.assign(process.report, { excludeNetwork: true })
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft: string | number } } }
  return report.userLimits?.open_files?.soft ?? 'by ulimit -n'
}

/** Reads YAML text; `file` is only its name. */
export function readConfigurationText(text: string, file: string, environment: NodeJS.ProcessEnv): ReadFile {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, maxAliasCount: 0 } as Parameters<
    typeof parseDocument
  >[1])
  // The first alone: what follows is mostly its consequence.
  const [error] = document.errors
  if (error) {
    const line = error.linePos?.[0].line
    const message = `not valid YAML: ${error.message.split('\n', 1)[0]?.replace(/ at line.*$/, '')}`
    const isVariable = line !== undefined && /\$\{/.test(text.split('\n')[line - 1] ?? '')
    const advice = isVariable ? '; between { } or [ ] a variable stands in quotes: "${NAME}"' : ''
    throw new ConfigurationError([{ file, line, key: '', message: message + advice }])
  }
  visit(document, {
    Alias(_, node) {
      const line = node.range ? lines.linePos(node.range[0]).line : undefined
      throw new ConfigurationError([
        { file, line, key: '', message: 'aliases (*name) are not used here; write it out' },
      ])
    },
  })
  const replacement = replaceVariables(document, file, environment, lines)
  return {
    file,
    content: document.toJS({ maxAliasCount: 0 }) ?? {},
    lineOf: (path) => lineOf(document, lines, path),
    ...replacement,
  }
}

/** Replaces `${NAME}` in every text by the environment's value; `$${` stands for `${` itself. */
function replaceVariables(
  document: Document,
  file: string,
  environment: NodeJS.ProcessEnv,
  lines: LineCounter,
): Pick<ReadFile, 'problems' | 'variables' | 'replaced'> {
  const problems: Problem[] = []
  const variables = new Set<string>()
  const replaced: Path[] = []
  visit(document, {
    Scalar(place, node, ancestors) {
      if (place === 'key' || typeof node.value !== 'string' || !node.value.includes('${')) return
      const line = node.range ? lines.linePos(node.range[0]).line : undefined
      const path = typeof place === 'number' ? [...pathOf(ancestors), place] : pathOf(ancestors)
      node.value = node.value.replaceAll(/(\$?)\$\{([^}]*)\}/g, (whole, escaped: string, name: string) => {
        if (escaped) return whole.slice(1)
        const value = environment[name]
        variables.add(name)
        if (value === undefined || value === '') {
          problems.push({ file, line, key: formatKey(path), message: `the environment variable ${name} is not set` })
        }
        return value ?? ''
      })
      replaced.push(path)
    },
  })
  return { problems, variables, replaced }
}

/** The path of what a scalar is the value of, from what stands above it; of one in a list, the list's. */
function pathOf(ancestors: readonly unknown[]): Path {
  const path: (string | number)[] = []
  for (const [index, ancestor] of ancestors.entries()) {
    const below = ancestors[index + 1]
    if (isPair(ancestor)) path.push(String(isScalar(ancestor.key) ? ancestor.key.value : ancestor.key))
    else if (ancestor && typeof ancestor === 'object' && 'items' in ancestor && !isMap(ancestor) && below) {
      path.push((ancestor.items as unknown[]).indexOf(below))
    }
  }
  return path
}

const isPair = (value: unknown): value is Pair =>
  typeof value === 'object' && value !== null && 'key' in value && 'value' in value

function lineOf(document: Document, lines: LineCounter, path: Path): number | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true)
    const name = path[length - 1]
    if (isMap(parent)) {
      const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(name))
      if (pair && isScalar(pair.key) && pair.key.range) return lines.linePos(pair.key.range[0]).line
    }
    const node = document.getIn(path.slice(0, length), true)
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line
  }
  return undefined
}
