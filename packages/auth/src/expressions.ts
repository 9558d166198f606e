import { type ASTNode, Environment, type ObjectSchema } from '@marcbachmann/cel-js'

/** Thrown for an expression that can never be evaluated; the message says why, in one line. */
export class ExpressionError extends Error {}

/** A CEL type, or the fields of an object and their types: what is no field of it is refused when the expression is read. */
export type VariableType = string | ObjectSchema

/** An expression, ready to be used. */
export interface Expression {
  readonly text: string
  /** The type of its value as far as it is known, such as `bool`, or `dyn`. */
  readonly type: string
  /** What it reads of the language's variables: their names, and `name.field` for fields. Nobody need be handed the rest. */
  readonly reads: ReadonlySet<string>
  /** Its value; throws where it has none, as where a key is missing. Cost: microseconds. */
  evaluate(variables: Readonly<Record<string, unknown>>): unknown
}

/** Reads expressions over certain variables. */
export interface ExpressionLanguage {
  /** Reads one and checks its types as far as they are known. Throws {@link ExpressionError}. */
  parse(text: string): Expression
}

/** Expressions end: CEL has no loops, and these bounds keep nested lists small. */
const limits = { maxAstNodes: 500, maxDepth: 30, maxListElements: 200, maxMapEntries: 200, maxCallArguments: 20 }

/**
 * Builds a language over variables of the given types; the one wrapper around CEL. With `linear`, functions that may take
 * long for a text that strangers choose cannot be called: `matches`, whose patterns are not those of RE2 here.
 * Spec: Common Expression Language.
 */
export function createLanguage(
  variables: Readonly<Record<string, VariableType>>,
  { linear = false }: { readonly linear?: boolean } = {},
): ExpressionLanguage {
  // What is known of the fields is for reading an expression. Evaluated with it, every object would be made anew as one of its
  // type, which takes two to three times as long as reading the fields of a map.
  const reading = new Environment({ limits })
  const evaluating = new Environment({ limits })
  for (const [name, type] of Object.entries(variables)) {
    if (typeof type === 'string') reading.registerVariable(name, type)
    else reading.registerVariable(name, { schema: type })
    evaluating.registerVariable(name, typeof type === 'string' ? type : 'map')
  }
  return {
    parse(text) {
      try {
        const read = reading.parse(text)
        const parsed = evaluating.parse(text)
        const { valid, type = 'dyn', error } = read.check()
        if (!valid) throw error ?? new Error('it cannot be evaluated')
        const evaluated = parsed.check()
        if (!evaluated.valid) throw evaluated.error ?? new Error('it cannot be evaluated')
        const { reads, calls } = findReads(read.ast, variables)
        if (linear && calls.has('matches')) {
          throw new Error('matches is not possible here: use ==, in, startsWith, endsWith or contains')
        }
        return { text, type, reads, evaluate: (values) => parsed(values) }
      } catch (error) {
        throw new ExpressionError(error instanceof Error ? error.message.split('\n', 1)[0] : String(error))
      }
    },
  }
}

/** What an expression reads of the variables and what it calls. A variable that is named as a whole is read in whole. */
function findReads(root: ASTNode, variables: Readonly<Record<string, VariableType>>) {
  const reads = new Set<string>()
  const calls = new Set<string>()
  const readAll = (name: string): void => {
    if (!Object.hasOwn(variables, name)) return
    reads.add(name)
    const type = variables[name]
    if (typeof type === 'object') for (const field of Object.keys(type)) reads.add(`${name}.${field}`)
  }
  const visit = (part: unknown): void => {
    if (Array.isArray(part)) for (const below of part) visit(below)
    else if (isNode(part)) {
      if (part.op === '.' && part.args[0].op === 'id') {
        const [{ args: name }, field] = part.args
        if (Object.hasOwn(variables, name)) reads.add(name).add(`${name}.${field}`)
        return
      }
      if (part.op === 'id') readAll(part.args)
      else if (part.op === 'call' || part.op === 'rcall') calls.add(part.args[0])
      visit(part.args)
    }
  }
  visit(root)
  return { reads, calls }
}

const isNode = (part: unknown): part is ASTNode =>
  typeof part === 'object' && part !== null && 'op' in part && 'args' in part
