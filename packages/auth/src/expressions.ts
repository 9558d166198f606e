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
  /** Which of the language's variables it names: nobody need be handed the others. */
  readonly variables: ReadonlySet<string>
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
  const environment = new Environment({ limits })
  for (const [name, type] of Object.entries(variables)) {
    if (typeof type === 'string') environment.registerVariable(name, type)
    else environment.registerVariable(name, { schema: type })
  }
  return {
    parse(text) {
      try {
        const parsed = environment.parse(text)
        const { valid, type = 'dyn', error } = parsed.check()
        if (!valid) throw error ?? new Error('it cannot be evaluated')
        const { names, calls } = findNames(parsed.ast)
        if (linear && calls.has('matches')) {
          throw new Error('matches is not possible here: use ==, in, startsWith, endsWith or contains')
        }
        const named = new Set([...names].filter((name) => Object.hasOwn(variables, name)))
        return { text, type, variables: named, evaluate: (values) => parsed(values) }
      } catch (error) {
        throw new ExpressionError(error instanceof Error ? error.message.split('\n', 1)[0] : String(error))
      }
    },
  }
}

/** What an expression names and what it calls. */
function findNames(root: ASTNode): { readonly names: ReadonlySet<string>; readonly calls: ReadonlySet<string> } {
  const names = new Set<string>()
  const calls = new Set<string>()
  const visit = (part: unknown): void => {
    if (Array.isArray(part)) for (const below of part) visit(below)
    else if (isNode(part)) {
      if (part.op === 'id') names.add(part.args)
      else if (part.op === 'call' || part.op === 'rcall') calls.add(part.args[0])
      visit(part.args)
    }
  }
  visit(root)
  return { names, calls }
}

const isNode = (part: unknown): part is ASTNode =>
  typeof part === 'object' && part !== null && 'op' in part && 'args' in part
