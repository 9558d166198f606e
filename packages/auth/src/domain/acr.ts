import { amrOf } from './second-factors.ts'

/** Authentication context classes: by one factor, and by two. Spec: OpenID Connect Core section 2, `acr`. */
export const oneFactor = '1'
export const twoFactors = '2'

/** Every authentication context class that a sign-in can reach, the weakest first. */
export const acrValues: readonly string[] = [oneFactor, twoFactors]

/** Methods that show what somebody has: a second factor beside what they know, and not beside each other. */
export const methodsOfHaving: ReadonlySet<string> = new Set(Object.values(amrOf))
/** What the methods themselves say besides: a touch, and that something else was proven with it. */
const remarks: ReadonlySet<string> = new Set(['user', 'mfa'])

/** Whether a method shows something else than what somebody has. */
export const showsSomethingElse = (method: string): boolean => !methodsOfHaving.has(method) && !remarks.has(method)
