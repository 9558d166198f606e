/** Authentication context classes: by one factor, and by two. Spec: OpenID Connect Core section 2, `acr`. */
export const oneFactor = '1'
export const twoFactors = '2'

/** Every authentication context class that a sign-in can reach, the weakest first. */
export const acrValues: readonly string[] = [oneFactor, twoFactors]
