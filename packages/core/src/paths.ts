/** Every public path of Gatehouse, once. A route of the gateway may not shadow any of them. */
export const paths = {
  login: '/login',
  refresh: '/token/refresh',
  validate: '/validate',
  logout: '/logout',
  token: '/oauth/token',
  introspect: '/oauth/introspect',
  revoke: '/oauth/revoke',
  firstAdministrator: '/admin/api/v1/first-administrator',
  openidConfiguration: '/.well-known/openid-configuration',
  authorizationServer: '/.well-known/oauth-authorization-server',
  jwks: '/.well-known/jwks.json',
  live: '/livez',
  ready: '/readyz',
  metrics: '/metrics',
} as const

/**
 * What Gatehouse keeps for itself on the issuer's host, now and later: a path that equals one of these, or lies below one
 * that ends in a slash, is never a route's.
 */
export const reservedPrefixes: readonly string[] = [
  '/login',
  '/login/',
  '/token/',
  '/validate',
  '/logout',
  '/oauth/',
  '/device',
  '/.well-known/',
  '/signup',
  '/recover',
  '/verify',
  '/account',
  '/account/',
  '/federation/',
  '/gateway/',
  '/events/',
  '/admin/api/',
  '/console',
  '/console/',
  '/livez',
  '/readyz',
  '/metrics',
  '/openapi.json',
  '/docs',
  '/scim',
  '/scim/',
  '/saml',
  '/saml/',
  '/dev',
  '/dev/',
  '/_gatehouse/',
]

/** What Gatehouse keeps on every other host that its routes name. */
export const reservedOnOtherHosts: readonly string[] = ['/_gatehouse/', '/.well-known/oauth-protected-resource']

/** Whether a canonical path belongs to Gatehouse itself under the given reservations. */
export function isReserved(path: string, reserved: readonly string[] = reservedPrefixes): boolean {
  return reserved.some((prefix) => path === prefix || (prefix.endsWith('/') && path.startsWith(prefix)))
}
