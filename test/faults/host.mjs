/** The host that requests are for. */
export const host = 'auth.example.com'
