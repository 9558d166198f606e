import { type RuleExpression, ruleVariableTypes } from '@gatehouse/gateway/authorize/asked-request'

let language: typeof import('@gatehouse/auth/expressions') | undefined

/** Loads what reads expressions: a start without conditions in rules need not wait for it. */
export async function loadRuleCompiler(): Promise<void> {
  language ??= await import('@gatehouse/auth/expressions')
}

/**
 * Compiles a condition of a rule for a route whose pattern has these `{name}` segments; answers with a sentence where it can
 * never be evaluated or is no condition. {@link loadRuleCompiler} comes first.
 */
export const compileCondition = (text: string, parameters: readonly string[]): RuleExpression | string =>
  compile(text, parameters, { type: 'bool', only: 'only true or false decides' })

/** As {@link compileCondition}, for an expression that makes a text. */
export const compileText = (text: string, parameters: readonly string[]): RuleExpression | string =>
  compile(text, parameters, { type: 'string', only: 'only a text can be asked' })

function compile(
  text: string,
  parameters: readonly string[],
  { type, only }: { readonly type: string; readonly only: string },
): RuleExpression | string {
  if (!language) throw new Error('loadRuleCompiler() comes first')
  const { createLanguage, ExpressionError } = language
  const path = Object.fromEntries(parameters.map((name) => [name, 'string']))
  const variables = parameters.length === 0 ? ruleVariableTypes : { ...ruleVariableTypes, path }
  try {
    const expression = createLanguage(variables, { linear: true }).parse(text)
    if (expression.type !== type && expression.type !== 'dyn') {
      return `cannot be used: it is a ${expression.type}, and ${only}`
    }
    return { text, reads: expression.reads, test: (values) => expression.evaluate(values) }
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    return `cannot be used: ${error.message}`
  }
}
