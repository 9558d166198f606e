/** Whether a chosen secret could be guessed: under 32 characters, few different ones, or one out of a manual. */
export const isWeakSecret = (secret: string): boolean =>
  secret.length < 32 || new Set(secret).size < 10 || /secret|password|changeme|example/i.test(secret)
