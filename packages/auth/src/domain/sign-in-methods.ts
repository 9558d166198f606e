/** Ways to sign in by a mail. */
export const mailedMethods = ['email_link', 'email_code'] as const
export type MailedMethod = (typeof mailedMethods)[number]

/** What can prove who somebody is, at first. */
export const signInMethods = ['password', 'passkey', ...mailedMethods] as const
/** See {@link signInMethods}. */
export type SignInMethod = (typeof signInMethods)[number]
