import type { JsonObject } from '@gatehouse/core/json'
import { isNormalized, parseEmail } from '../domain/email-addresses.ts'
import { isShowable } from '../domain/shown-text.ts'
import { canonicalName } from '../domain/users.ts'
import { type ClaimsExpression, ExpressionError, parseExpression } from './expressions.ts'

/** Roles as the configuration says them: an expression that lists them, or for each one that says whether. */
export type RoleTexts = string | Readonly<Record<string, string>>

/** Expressions over a provider's claims, as the configuration has them. */
export interface MappingTexts {
  readonly username?: string | undefined
  readonly name?: string | undefined
  readonly email?: string | undefined
  readonly email_verified?: string | undefined
  readonly locale?: string | undefined
  readonly roles?: RoleTexts | undefined
  readonly organisation?: string | undefined
  readonly organisation_roles?: RoleTexts | undefined
}

/** What is taken over of what a provider says about somebody. */
export interface MappedPerson {
  readonly username: string | undefined
  readonly name: string | undefined
  /** Only one that can be an address. */
  readonly email: string | undefined
  /** Whether the provider has verified the address, and not one that is merely compared as it. */
  readonly emailVerified: boolean
  /** Two letters. */
  readonly locale: string | undefined
  /** undefined = the mapping does not speak of roles. */
  readonly roles: readonly string[] | undefined
  /** A slug; undefined = none, or the mapping does not speak of it. */
  readonly organisation: string | undefined
  readonly organisationRoles: readonly string[]
  /** Keys whose expression came to nothing, for the audit trail. */
  readonly failed: readonly string[]
}

/** A mapping that is ready to be used. */
export type Mapping = (claims: JsonObject) => MappedPerson

/** Thrown for a mapping with an expression that cannot be used; `key` says which. */
export class MappingError extends Error {
  readonly key: readonly string[]

  constructor(key: readonly string[], message: string) {
    super(message)
    this.key = key
  }
}

/** What most providers say, by the names of OpenID Connect Core section 5.1; `mail` and `uid` are those of directories. */
const usual: MappingTexts = {
  username:
    'has(claims.preferred_username) ? claims.preferred_username : has(claims.uid) ? claims.uid : has(claims.email) ? claims.email : claims.mail',
  name: 'has(claims.name) ? claims.name : has(claims.displayName) ? claims.displayName : claims.cn',
  email: 'has(claims.email) ? claims.email : claims.mail',
  email_verified: 'claims.email_verified',
  locale: 'claims.locale',
}

/** Roles and organisations of one person, at most. */
const roleLimit = 100
const roleName = /^[\w.:/-]{1,100}$/

type RoleReader = (claims: JsonObject, fail: () => void) => readonly string[]

/**
 * Compiles a mapping; what it does not speak of is read from the usual claims, and roles and organisation from none. Throws
 * {@link MappingError}.
 */
export function compileMapping(texts: MappingTexts): Mapping {
  const single = (key: keyof MappingTexts): ClaimsExpression | undefined => {
    const text = texts[key] ?? usual[key]
    return typeof text === 'string' ? parse([key], text) : undefined
  }
  const readers = {
    username: single('username'),
    name: single('name'),
    email: single('email'),
    email_verified: single('email_verified'),
    locale: single('locale'),
    organisation: single('organisation'),
  }
  const roles = compileRoles('roles', texts.roles)
  const organisationRoles = compileRoles('organisation_roles', texts.organisation_roles)

  return (claims) => {
    const failed = new Set<string>()
    const read = (key: keyof typeof readers): unknown => {
      try {
        return readers[key]?.evaluate(claims)
      } catch {
        // What is read as usual may well be missing; what somebody has written down should be there.
        if (texts[key] !== undefined) failed.add(key)
        return undefined
      }
    }
    const readText = (key: keyof typeof readers, most: number): string | undefined => {
      const value = read(key)
      if (value === undefined || value === null) return undefined
      if (typeof value === 'string' && value !== '' && value.length <= most && isShowable(value)) return value
      failed.add(key)
      return undefined
    }
    const username = readText('username', 255)
    const email = readText('email', 320)
    const verified = read('email_verified')
    return {
      username: username !== undefined && canonicalName(username) !== undefined ? username : undefined,
      name: readText('name', 200),
      email: email !== undefined && parseEmail(email) ? email : undefined,
      // Some providers write it as a text.
      emailVerified: (verified === true || verified === 'true') && (email === undefined || isNormalized(email)),
      locale: readText('locale', 35)?.slice(0, 2).toLowerCase(),
      roles: roles?.(claims, () => failed.add('roles')),
      organisation: readText('organisation', 63),
      organisationRoles: organisationRoles?.(claims, () => failed.add('organisation_roles')) ?? [],
      failed: [...failed],
    }
  }
}

function parse(key: readonly string[], text: string): ClaimsExpression {
  try {
    return parseExpression(text)
  } catch (error) {
    if (error instanceof ExpressionError) throw new MappingError(key, error.message)
    throw error
  }
}

function compileRoles(key: string, texts: RoleTexts | undefined): RoleReader | undefined {
  if (texts === undefined) return undefined
  if (typeof texts === 'string') {
    const expression = parse([key], texts)
    return (claims, fail) => keepNames(evaluateOr(expression, claims, fail, []), fail)
  }
  const conditions = Object.entries(texts).map(([role, text]) => [role, parse([key, role], text)] as const)
  return (claims, fail) =>
    conditions.filter(([, condition]) => evaluateOr(condition, claims, fail, false) === true).map(([role]) => role)
}

/** An expression that fails gives nothing: nobody gets a role by a mistake. */
function evaluateOr(expression: ClaimsExpression, claims: JsonObject, fail: () => void, otherwise: unknown): unknown {
  try {
    return expression.evaluate(claims)
  } catch {
    fail()
    return otherwise
  }
}

function keepNames(value: unknown, fail: () => void): readonly string[] {
  const list = typeof value === 'string' ? [value] : value
  if (!Array.isArray(list) || list.length > roleLimit) {
    fail()
    return []
  }
  const names = list.filter((name): name is string => typeof name === 'string' && roleName.test(name))
  if (names.length < list.length) fail()
  return [...new Set(names)]
}
