/** What an operation asks for by its document; `fault` where no rule of a route says the same. */
export type OperationSecurity =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'optional' }
  | { readonly kind: 'token'; readonly scopes: readonly string[] }
  | { readonly kind: 'undeclared' }
  | {
      readonly kind: 'inexpressible'
      readonly fault: string
      /** Where scopes could decide: each set of them lets through. */
      readonly alternatives: readonly (readonly string[])[]
    }

type Members = Readonly<Record<string, unknown>>

/**
 * What a `security` asks for: any of its alternatives, of each all schemes. Scopes are those of oauth2 and openIdConnect; other
 * schemes than these and `http` `bearer` are none that the gateway checks. None at all is not taken for a yes.
 * Spec: OpenAPI 3.1 sections 4.8.27 and 4.8.30.
 */
export function parseSecurity(security: unknown, findScheme: (name: string) => Members | undefined): OperationSecurity {
  if (security === undefined) return { kind: 'undeclared' }
  if (!Array.isArray(security) || !security.every(isMembers)) return inexpressible('its security is no list of objects')
  const required = security.filter((alternative) => Object.keys(alternative).length > 0)
  if (required.length === 0) return { kind: 'nothing' }
  const sets: (readonly string[])[] = []
  for (const alternative of required) {
    const scopes = readAlternative(alternative, findScheme)
    if (typeof scopes === 'string') return inexpressible(scopes)
    sets.push(scopes)
  }
  if (required.length < security.length) {
    if (sets.every((scopes) => scopes.length === 0)) return { kind: 'optional' }
    return inexpressible('it lets pass without a token, and with one asks for scopes: write the rule by hand')
  }
  // Whoever has all of a greater set has those of a smaller one: where one is within all others, it decides alone.
  const least = sets.find((scopes) => sets.every((other) => scopes.every((scope) => other.includes(scope))))
  if (least) return { kind: 'token', scopes: least }
  const listed = sets.map((scopes) => scopes.join(' ')).join(', or ')
  return inexpressible(`its alternatives are no single rule (${listed}): write it by hand`, sets)
}

const inexpressible = (fault: string, alternatives: readonly (readonly string[])[] = []): OperationSecurity => ({
  kind: 'inexpressible',
  fault,
  alternatives,
})

const isMembers = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The scopes of one alternative, sorted; a text says why the gateway cannot check it. */
function readAlternative(alternative: Members, findScheme: (name: string) => Members | undefined) {
  const scopes = new Set<string>()
  for (const [name, asked] of Object.entries(alternative)) {
    const scheme = findScheme(name)
    if (scheme === undefined) return `its security names ${name}, which is not among components.securitySchemes`
    if (!Array.isArray(asked) || !asked.every((scope) => typeof scope === 'string')) {
      return `what its security asks of ${name} is no list of texts`
    }
    if (scheme.type === 'oauth2' || scheme.type === 'openIdConnect') {
      const odd = asked.find((scope) => !/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope))
      if (odd !== undefined) return `${JSON.stringify(odd)} is no scope`
      for (const scope of asked) scopes.add(scope)
    } else if (scheme.type !== 'http' || String(scheme.scheme).toLowerCase() !== 'bearer') {
      return `its security ${name} (${String(scheme.type)}) is not one that the gateway checks: write the rule by hand`
    } else if (asked.length > 0) {
      return `its security ${name} asks for roles (${asked.join(', ')}): write the rule by hand`
    }
  }
  return [...scopes].sort()
}
