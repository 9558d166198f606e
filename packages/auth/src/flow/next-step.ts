import type { Seconds } from '@gatehouse/core/brand'
import type { ErrorCode } from '@gatehouse/core/errors'
import type { UserRow } from '@gatehouse/store/rows'
import { acrValues, methodsOfHaving, oneFactor, showsSomethingElse, twoFactors } from '../domain/acr.ts'
import type { FactorMethod } from '../domain/second-factors.ts'

/** What has been proven so far, and what could be. */
export interface ProvenFactors {
  /** Methods of authentication. Spec: RFC 8176. */
  readonly amr: readonly string[]
  /** Methods by which the user can show a second factor. */
  readonly methods: readonly FactorMethod[]
  /** Whether this browser need not show it for a while. */
  readonly isRemembered: boolean
  /** Whether the user must have one. */
  readonly isRequired: boolean
}

/** What comes next: nobody but this file decides it. */
export type NextStep =
  /** Everything that is asked for has been proven. */
  | { readonly step: 'issue'; readonly acr: string }
  /** A second factor has to be shown, by one of these methods. */
  | { readonly step: 'factor'; readonly methods: readonly FactorMethod[] }
  /** A second factor has to be set up before anything else. */
  | { readonly step: 'enrol' }
  /** The account may not sign in, whatever is proven. */
  | { readonly step: 'refuse'; readonly why: string }

/**
 * Whether two factors have been proven: something that somebody has beside something else, or a passkey that has itself
 * checked who holds it, which it says by `mfa`.
 */
const hasTwoFactors = (amr: readonly string[]): boolean =>
  amr.includes('mfa') || (amr.some((method) => methodsOfHaving.has(method)) && amr.some(showsSomethingElse))

/** What tokens say of methods, each once: several factors are named as such (RFC 8176 section 2, `mfa`). */
export function nameFactors(amr: readonly string[]): readonly string[] {
  const named = [...new Set(amr)].filter((method) => method !== 'mfa')
  return hasTwoFactors(amr) ? [...named, 'mfa'] : named
}

/**
 * The judge of a sign-in as such. Ways to prove who one is do not call each other; each says what has been proven and does
 * what this answers.
 */
export function nextStep(user: Pick<UserRow, 'status'>, proven: ProvenFactors): NextStep {
  if (user.status !== 'active') return { step: 'refuse', why: 'account_disabled' }
  if (proven.amr.length === 0) return { step: 'refuse', why: 'nothing_proven' }
  if (hasTwoFactors(proven.amr)) return { step: 'issue', acr: twoFactors }
  // A passkey that nobody has unlocked is one factor, and nothing that could be asked for here is another kind of one.
  if (!proven.amr.some(showsSomethingElse)) return { step: 'refuse', why: 'user_not_verified' }
  if (proven.methods.length > 0 && !proven.isRemembered) return { step: 'factor', methods: proven.methods }
  if (proven.methods.length === 0 && proven.isRequired) return { step: 'enrol' }
  return { step: 'issue', acr: oneFactor }
}

/** The sign-in that a browser has. */
export interface BrowserSignIn {
  /** The user as the client knows them. */
  readonly subject: string
  readonly authTime: Seconds
  readonly acr: string
  /** Whether it was made for this very request. */
  readonly isFresh: boolean
  /** Whether it began with a second factor that counts no longer. */
  readonly hasWornOff: boolean
  /** The strongest class that the user can reach. */
  readonly reachableAcr: string
}

/** What a client asks of a sign-in. Spec: OpenID Connect Core section 3.1.2.1. */
export interface AskedSignIn {
  readonly prompt: readonly string[]
  readonly maxAge: number | undefined
  /** The subject that it must be: from the claims parameter. */
  readonly requiredSubject: string | undefined
  /** The subject that the client believes it to be: from id_token_hint. */
  readonly hintedSubject: string | undefined
  /** Classes of which one is asked for, as RFC 9470 does; those that nobody here knows do not count. */
  readonly acrValues: readonly string[]
  /** Classes of which one must be reached; undefined = any will do. */
  readonly essentialAcr: readonly string[] | undefined
}

/** What comes next in an authorization request. */
export type NextAuthorizationStep =
  | { readonly step: 'sign_in' }
  /** What is missing of a stronger sign-in. */
  | { readonly step: 'factor' }
  /** The user has to say for which organisation. */
  | { readonly step: 'organisation' }
  | { readonly step: 'consent' }
  | { readonly step: 'issue' }
  | { readonly step: 'fail'; readonly error: ErrorCode; readonly why: string }

/** What else is known where somebody has signed in. */
export interface AuthorizationState {
  /** Whether it is known for which organisation they act, still open, or one that they do not belong to. */
  readonly organisation: 'settled' | 'open' | 'refused'
  /** Whether they have a role there, or of their own, that counts only for those who have proven two factors. */
  readonly needsFactor: boolean
  readonly consent: { readonly isNeeded: boolean; readonly isFresh: boolean }
}

/**
 * The judge of an authorization request: sign in, pick an organisation, agree, be given a code, or fail.
 * Spec: OpenID Connect Core sections 3.1.2.3, 3.1.2.4 and 5.5.1.1, RFC 9470 section 5.
 */
export function nextAuthorizationStep(
  asked: AskedSignIn,
  signIn: BrowserSignIn | undefined,
  { organisation, needsFactor, consent }: AuthorizationState,
  now: Seconds,
): NextAuthorizationStep {
  const mayAsk = !asked.prompt.includes('none')
  const fail = (error: ErrorCode, why: string): NextAuthorizationStep => ({ step: 'fail', error, why })
  if (asked.essentialAcr && !asked.essentialAcr.some((acr) => acrValues.includes(acr))) {
    return fail('unmet_authentication_requirements', 'no sign-in here reaches the essential acr')
  }
  if (!signIn || mustSignInAgain(asked, signIn, now)) {
    return mayAsk ? { step: 'sign_in' } : fail('login_required', 'prompt=none, and the user would have to sign in')
  }
  if (asked.requiredSubject !== undefined && signIn.subject !== asked.requiredSubject) {
    return mayAsk && !signIn.isFresh ? { step: 'sign_in' } : fail('login_required', 'another user has signed in')
  }
  if (asked.hintedSubject !== undefined && signIn.subject !== asked.hintedSubject) {
    return mayAsk && !signIn.isFresh ? { step: 'sign_in' } : fail('login_required', 'another user has signed in')
  }
  const strength = judgeStrength([asked.acrValues, asked.essentialAcr], signIn)
  if (strength === 'unreachable') {
    // An outside provider has vouched for it, and may do so again.
    if (signIn.hasWornOff && !signIn.isFresh)
      return mayAsk ? { step: 'sign_in' } : fail('login_required', 'prompt=none, and the second factor has worn off')
    return fail('unmet_authentication_requirements', 'the user has no factor by which the asked acr can be reached')
  }
  if (strength === 'factor') {
    return mayAsk
      ? { step: 'factor' }
      : fail('login_required', 'prompt=none, and a second factor would have to be shown')
  }
  // Whether there is no such organisation, or the user does not belong to it, is not told.
  if (organisation === 'refused') return fail('access_denied', 'the user does not belong to the asked organization')
  if (organisation === 'open') {
    return mayAsk
      ? { step: 'organisation' }
      : fail('interaction_required', 'prompt=none, and the user would have to pick an organization')
  }
  const lacking = needsFactor ? judgeStrength([[twoFactors]], signIn) : 'enough'
  if (lacking !== 'enough') {
    // Who has none to show sets one up by signing in.
    const step = lacking === 'factor' ? 'factor' : 'sign_in'
    return mayAsk ? { step } : fail('login_required', 'prompt=none, and a role of the user needs a second factor')
  }
  const mustAgree = (consent.isNeeded || asked.prompt.includes('consent')) && !consent.isFresh
  if (mustAgree)
    return mayAsk ? { step: 'consent' } : fail('consent_required', 'prompt=none, and nobody has agreed yet')
  return { step: 'issue' }
}

function mustSignInAgain(asked: AskedSignIn, signIn: BrowserSignIn, now: Seconds): boolean {
  if (signIn.isFresh) return false
  if (asked.prompt.includes('login') || asked.prompt.includes('select_account')) return true
  return isTooOld(asked, signIn, now)
}

/** Whether a sign-in is older than is asked for; never where it was made for this very request. */
export function isTooOld(
  { maxAge }: Pick<AskedSignIn, 'maxAge'>,
  { isFresh, authTime }: Pick<BrowserSignIn, 'isFresh' | 'authTime'>,
  now: Seconds,
): boolean {
  return maxAge !== undefined && !isFresh && (maxAge === 0 || now - authTime > maxAge)
}

const rankOf = (acr: string): number => acrValues.indexOf(acr)

/** How strong the sign-in must be: of each list the weakest class will do. -1 = any. */
function wantedRank(lists: readonly (readonly string[] | undefined)[]): number {
  const weakest = (values: readonly string[] = []): number => {
    const ranks = values.map(rankOf).filter((rank) => rank !== -1)
    return ranks.length === 0 ? -1 : Math.min(...ranks)
  }
  return Math.max(...lists.map(weakest))
}

/**
 * Whether a sign-in is as strong as is asked for by lists of classes, of each of which one will do: `factor` where it is once
 * what is missing has been shown, `unreachable` where the user has nothing to show. Classes that nobody here knows do not count.
 */
export function judgeStrength(
  lists: readonly (readonly string[] | undefined)[],
  { acr, reachableAcr }: Pick<BrowserSignIn, 'acr' | 'reachableAcr'>,
): 'enough' | 'factor' | 'unreachable' {
  const wanted = wantedRank(lists)
  if (rankOf(acr) >= wanted) return 'enough'
  return rankOf(reachableAcr) >= wanted ? 'factor' : 'unreachable'
}
