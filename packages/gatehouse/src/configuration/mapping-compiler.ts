import type { Mapping, MappingTexts } from '@gatehouse/auth/federation/mapping'
import type { Report } from './problem.ts'

let compiler: typeof import('@gatehouse/auth/federation/mapping') | undefined

/** Loads what reads expressions: a start without providers need not wait for it. To be called before {@link resolveMapping}. */
export async function loadMappingCompiler(): Promise<void> {
  compiler ??= await import('@gatehouse/auth/federation/mapping')
}

/** A mapping that is ready to be used; reports an expression that is none. */
export function resolveMapping(texts: MappingTexts, report: Report): Mapping {
  if (!compiler) throw new Error('loadMappingCompiler() comes first')
  const { compileMapping, MappingError } = compiler
  try {
    return compileMapping(texts)
  } catch (error) {
    if (!(error instanceof MappingError)) throw error
    report(['mapping', ...error.key], `cannot be used: ${error.message}`)
    return compileMapping({})
  }
}
