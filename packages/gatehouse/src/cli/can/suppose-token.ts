import { oneFactor, twoFactors } from '@gatehouse/auth/domain/acr'
import type { Client, Clients } from '@gatehouse/auth/domain/clients'
import { asItStands, type RoleRules, rolesTold, standingOf } from '@gatehouse/auth/domain/effective-access'
import { freeScopes, openidScopes } from '@gatehouse/auth/domain/user-claims'
import { getUserByName } from '@gatehouse/auth/domain/users'
import type { ActingUsers } from '@gatehouse/auth/flow/acting'
import type { GrantId, SessionId, UserId } from '@gatehouse/core/brand'
import type { AccessTokenClaims, VerifiedToken } from '@gatehouse/core/contracts'
import { formatScope } from '@gatehouse/core/scope'
import { type Clock, seconds } from '@gatehouse/core/time'
import { splitWords } from '@gatehouse/core/words'
import type { Store } from '@gatehouse/store/store'
import { WrongUseError } from '../wrong-use.ts'

/** What tokens say in some cases, and what no other option says. */
export const claimsToSuppose = ['sid', 'gid', 'cnf', 'act', 'may_act', 'origins', 'authorization_details'] as const

/** Claims by name; null: it is not there. */
export type SupposedClaims = ReadonlyMap<(typeof claimsToSuppose)[number], unknown>

/** What a token may say or not, whoever signs in: it depends on the client and on what was asked for. */
const uncertain: readonly string[] = ['cnf', 'act', 'may_act', 'origins', 'authorization_details']

/** Whose token is supposed, and how they have come by it. */
export interface Supposition {
  /** A user name, an address or a user's id. */
  readonly who: string
  /** By id: the app that they use. */
  readonly client: string
  /** What the app asks for; left out: all that it can get. */
  readonly scopes: readonly string[] | undefined
  /** In place of the roles that they have. */
  readonly roles: readonly string[] | undefined
  /** By id or slug. */
  readonly organisation: string | undefined
  readonly acr: string | undefined
  /** In place of what a sign-in by password says, or by password and a code for `acr` 2. */
  readonly amr: readonly string[] | undefined
  readonly claims: SupposedClaims | undefined
  /** Seconds since they have signed in. */
  readonly signedInAgo: number
}

/** A token that nobody was given, and what about it was asked for in vain. */
export interface SupposedToken {
  readonly token: VerifiedToken
  readonly notes: readonly string[]
  /** Claims of which nobody has said whether they are there. */
  readonly uncertain: readonly string[]
}

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly clients: Pick<Clients, 'find'>
  readonly actingUsers: ActingUsers
  readonly roleRules: () => RoleRules
  readonly issuer: string
  readonly audience: string
}

/** What an access token would say that a user gets through an app now. Throws {@link WrongUseError} for whom there is not. */
export async function supposeUserToken(dependencies: Dependencies, supposed: Supposition): Promise<SupposedToken> {
  const { store, clock, actingUsers, roleRules } = dependencies
  const user = await findUser(store, supposed.who)
  if (user.status !== 'active') throw new WrongUseError(`${user.username} is ${user.status}, and gets no token`)
  const client = await getClient(dependencies, supposed.client)
  const choice = await actingUsers.choose(user.id, { asked: supposed.organisation, picked: null })
  if (choice.state === 'refused') {
    throw new WrongUseError(`${user.username} does not belong to the organisation ${supposed.organisation}`)
  }
  if (choice.state === 'open') {
    const names = choice.memberships.map(({ slug }) => slug).join(', ')
    throw new WrongUseError(`${user.username} belongs to several organisations; say for which with --org: ${names}`)
  }
  const { membership } = choice
  const access = supposed.roles
    ? actingUsers.accessOf({ scopes: user.scopes, roles: supposed.roles.join(' ') }, undefined)
    : actingUsers.accessOf(user, membership)
  const { granted, beyond } = grant(client, access.scopes, supposed.scopes)
  const acr = supposed.acr ?? oneFactor
  const whole = { ...standingOf(access, formatScope(granted)), scope: formatScope(granted), acr }
  const standing = asItStands(whole, roleRules())
  const { scope } = standing
  const roles = rolesTold(standing, client)
  const now = clock.now()
  const token = buildToken(dependencies, client, {
    ...{ sub: user.id, scope, auth_time: seconds(now - supposed.signedInAgo), acr },
    ...{ amr: supposed.amr ?? amrOf(supposed.acr), sid: supposedId as SessionId, gid: supposedId as GrantId },
    ...(roles.length > 0 ? { roles } : {}),
    ...(membership ? { org: membership.organisation_id } : {}),
    ...claimsOf(supposed.claims),
  })
  const untold =
    standing.roles !== '' && roles.length === 0 ? ['roles are told to this client with the scope roles'] : []
  const weak = standing === whole ? [] : ['a role of theirs counts only with a second factor, which is --acr 2']
  const notes = [...beyond.map((name) => `the scope ${name} would not be granted`), ...untold, ...weak]
  return { token, notes, uncertain: uncertainWithout(supposed.claims) }
}

/** What an access token would say that a client gets on its own behalf. */
export async function supposeClientToken(
  dependencies: Dependencies,
  supposed: Pick<Supposition, 'client' | 'scopes' | 'claims'>,
): Promise<SupposedToken> {
  const client = await getClient(dependencies, supposed.client)
  if (!client.grantTypes.has('client_credentials')) {
    throw new WrongUseError(`the client ${client.id} gets no token on its own behalf`)
  }
  const own = client.scopes === 'all' ? new Set<string>() : client.scopes
  const { granted, beyond } = grant(client, own, supposed.scopes)
  const token = buildToken(dependencies, client, {
    ...{ sub: client.id, scope: formatScope(granted) },
    ...claimsOf(supposed.claims),
  })
  const notes = beyond.map((name) => `the scope ${name} would not be granted`)
  return { token, notes, uncertain: uncertainWithout(supposed.claims) }
}

/** The id of a session and of a grant that there are not. */
const supposedId = 'supposed'

/** Spec: RFC 8176 section 2. */
const amrOf = (acr: string | undefined): readonly string[] => (acr === twoFactors ? ['pwd', 'otp', 'mfa'] : ['pwd'])

const claimsOf = (claims: SupposedClaims | undefined): Partial<AccessTokenClaims> =>
  // `undefined` takes away what is there by itself; what is said is for the rule to judge.
  Object.fromEntries([...(claims ?? [])].map(([name, value]) => [name, value === null ? undefined : value]))

const uncertainWithout = (claims: SupposedClaims | undefined): readonly string[] =>
  uncertain.filter((name) => ![...(claims?.keys() ?? [])].some((said) => said === name))

async function findUser(store: Store, who: string) {
  if (who.startsWith('usr_')) {
    const user = await store.users.findById(who as UserId) // by its prefix
    if (user) return user
  }
  try {
    return await getUserByName({ store }, who)
  } catch {
    throw new WrongUseError(`there is no user ${who}`)
  }
}

async function getClient({ clients }: Dependencies, id: string): Promise<Client> {
  const client = await clients.find(id)
  if (!client) throw new WrongUseError(`there is no client ${id}`)
  return client
}

/** What of the asked scopes is granted: what the client may have and the user has; OpenID Connect's are the client's alone. */
function grant(client: Client, own: ReadonlySet<string>, asked: readonly string[] | undefined) {
  const ofOpenid: readonly string[] = openidScopes
  const mayHave = (scope: string): boolean =>
    client.scopes === 'all' || client.scopes.has(scope) || freeScopes.includes(scope)
  const has = (scope: string): boolean => own.has(scope) || ofOpenid.includes(scope)
  const wanted = asked ?? [...own, ...(client.scopes === 'all' ? [] : client.scopes)]
  const granted = new Set(wanted.filter((scope) => mayHave(scope) && has(scope)))
  return { granted, beyond: (asked ?? []).filter((scope) => !granted.has(scope)) }
}

type OwnClaims = Pick<AccessTokenClaims, 'sub' | 'scope'> & Partial<AccessTokenClaims>

function buildToken({ clock, issuer, audience }: Dependencies, client: Client, own: OwnClaims): VerifiedToken {
  const now = clock.now()
  const supposed: AccessTokenClaims = {
    ...{ iss: issuer, aud: audience, iat: now, exp: seconds(now + 300), jti: 'supposed', client_id: client.id },
    ...own,
  }
  const said = Object.entries(supposed).filter(([, value]) => value !== undefined)
  const claims = Object.fromEntries(said) as unknown as AccessTokenClaims // all but those that are said not to be there
  return {
    claims,
    ...{ typ: 'at+jwt', kid: 'supposed', audiences: [audience], memo: {} },
    scopes: new Set(splitWords(claims.scope)),
    roles: new Set(claims.roles ?? []),
  }
}
