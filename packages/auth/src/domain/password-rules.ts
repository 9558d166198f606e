import { GatehouseError } from '@gatehouse/core/errors'
import { normalizePassword, type Passwords } from './passwords.ts'

/** Whose a password is to be, by the names that strangers may know. */
export interface PasswordOwner {
  readonly username: string
  readonly email?: string | null | undefined
}

/** Where a password is used and whose it is. */
export interface PasswordContext {
  /** Least length in characters: 15 where the password is the only factor, 8 beside a second one. */
  readonly minimum: number
  readonly owner: PasswordOwner
  readonly passwords: Pick<Passwords, 'isBreached' | 'serviceNames'>
}

/** The rule that a password breaks. */
export type WeakPasswordReason = 'too_short' | 'common' | 'repeats' | 'breached' | 'name'

// A list of 49,000 passwords from known breaches; loaded when a password is first set, never for a sign-in.
let blockList: Promise<ReadonlySet<string>> | undefined
const loadBlockList = (): Promise<ReadonlySet<string>> => {
  blockList ??= import('@zxcvbn-ts/language-common').then(
    ({ dictionary }) => new Set(dictionary['passwords-common'].map(String)),
  )
  return blockList
}

/**
 * Checks a password that is to be set. Throws `weak_password` with the rule that it breaks.
 * Spec: NIST SP 800-63B-4 section 3.1.1.2: a least length, a block list, no rules of composition, no expiry.
 */
export async function checkNewPassword(password: string, context: PasswordContext): Promise<void> {
  const text = normalizePassword(password)
  const length = [...text].length
  if (length < context.minimum) throw weak('too_short', `The password must have at least ${context.minimum} characters`)
  const folded = text.normalize('NFKC').toLowerCase()
  const blocked = await loadBlockList()
  const candidates = [folded, smallestUnit(folded), folded.replace(/[\d\W_]+$/, '')]
  if (candidates.some((candidate) => blocked.has(candidate)) || isTwoOf(blocked, folded)) {
    throw weak('common', 'The password is among those that attackers try first')
  }
  if (new Set(folded).size < 5) throw weak('repeats', 'The password repeats too few characters')
  if (await context.passwords.isBreached(text)) throw weak('breached', 'The password is known from a breach')
  if (leansOn(folded, wordsAround(context))) {
    throw weak('name', 'The password leans on the user name, the address or the name of the service')
  }
}

/** What a password may not lean on: user name and address, what stands in them before the `@`, and what the service is called. */
function wordsAround({ owner: { username, email }, passwords }: PasswordContext): readonly string[] {
  const names = [username, email ?? ''].flatMap((name) => [name, name.slice(0, Math.max(name.lastIndexOf('@'), 0))])
  return [...names, ...passwords.serviceNames.flatMap((name) => [name, name.replaceAll(/\s+/g, '')])]
}

/** Whether too little is left of a password without such words. */
function leansOn(folded: string, words: readonly string[]): boolean {
  const counting = words.map((word) => word.normalize('NFKC').toLowerCase().trim()).filter((word) => word.length >= 4)
  // The longest first, since some of them stand in others.
  counting.sort((one, other) => other.length - one.length)
  let rest = folded
  for (const word of counting) rest = rest.replaceAll(word, '')
  return rest !== folded && [...rest].length < 8
}

/** `reason` is for programs, and for pages that tell it in other words. */
const weak = (reason: WeakPasswordReason, description: string): GatehouseError =>
  new GatehouseError('weak_password', { description, members: { reason } })

/** `abcabcabc` -> `abc`: what a text repeats, or the text itself. */
function smallestUnit(text: string): string {
  const period = `${text}${text}`.indexOf(text, 1)
  return text.slice(0, period)
}

/** Whether a text is two blocked passwords, one after the other: still within reach of a guesser. */
function isTwoOf(blocked: ReadonlySet<string>, text: string): boolean {
  for (let split = 1; split < text.length; split += 1) {
    if (blocked.has(text.slice(0, split)) && blocked.has(text.slice(split))) return true
  }
  return false
}
