import { parseScope } from '@gatehouse/core/scope'
import { parseAddressRange, type RequireDefinition, type RuleDefinition } from './requirement.ts'

const callers: readonly unknown[] = ['signed-in', 'token', 'optional', 'nothing']
const lists = ['scopes', 'roles', 'acr', 'clients', 'addresses', 'when'] as const

/** Says in a sentence why a rule must not be used: it is incomplete, asks for nothing, or nobody could satisfy it. */
export function checkDefinition(rule: RequireDefinition | undefined): string | undefined {
  if (callers.includes(rule)) return undefined
  if (typeof rule !== 'object' || rule === null) return 'a route needs a rule: require is missing or unknown'
  // An empty list beside a full one would silently ask for nothing.
  if ([...lists.map((key) => rule[key]), rule.org].some((list) => list?.length === 0)) {
    return 'require has an empty list: leave it out'
  }
  const asks = [...lists, 'maxAge', 'org', 'remote'] as const
  if (asks.every((key) => rule[key] === undefined)) {
    return 'require names neither a scope nor a role nor anything else; write the word alone, such as require: token'
  }
  return checkCaller(rule) ?? checkNames(rule) ?? checkPlace(rule)
}

/** What a token says can be asked of those alone who must have one: where none is there it would let everybody through. */
function checkCaller(rule: RuleDefinition): string | undefined {
  const { caller = 'token' } = rule
  if (!callers.includes(caller)) return 'require.caller is unknown'
  if (caller === 'token' || caller === 'signed-in') return undefined
  const ofTokens = (['scopes', 'roles', 'acr', 'maxAge', 'org', 'clients'] as const).find(
    (key) => rule[key] !== undefined,
  )
  if (ofTokens === undefined) return undefined
  const key = ofTokens === 'maxAge' ? 'max_age' : ofTokens
  return `require.${key} needs a token, and caller: ${caller} asks for none`
}

function checkNames({ scopes = [], roles = [], acr = [], maxAge, org = [], clients = [] }: RuleDefinition) {
  if (
    scopes.includes('') ||
    parseScope(scopes.join(' ')) === undefined ||
    scopes.some((scope) => scope.includes(' '))
  ) {
    return 'require.scopes has an entry that is no scope token'
  }
  // In a challenge they stand with a space between two.
  if (acr.some((name) => !/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(name))) return 'require.acr has an entry that is no class'
  if (maxAge !== undefined && !(Number.isSafeInteger(maxAge) && maxAge >= 0)) {
    return 'require.max_age is a whole number of seconds'
  }
  if (roles.includes('')) return 'require.roles has an empty entry'
  if (typeof org === 'string' ? org !== 'required' : org.includes('')) {
    return 'require.org is a list of organisations, or the word required'
  }
  return clients.includes('') ? 'require.clients has an empty entry' : undefined
}

function checkPlace({ addresses = [] }: RuleDefinition): string | undefined {
  const wrong = addresses.find((text) => parseAddressRange(text) === undefined)
  return wrong === undefined
    ? undefined
    : `require.addresses has "${wrong}", which is no address and no range such as 10.0.0.0/8`
}
