/** Header names that carry identity to a service. Each is always set, empty where there is nothing to say. */
export const identityHeaders = {
  subject: 'x-gatehouse-subject',
  client: 'x-gatehouse-client',
  scope: 'x-gatehouse-scope',
  roles: 'x-gatehouse-roles',
  session: 'x-gatehouse-session',
  org: 'x-gatehouse-org',
} as const

/** JOSE `typ` of an access token. Spec: RFC 9068 section 2.1. */
export const accessTokenType = 'at+jwt'
/** JOSE `typ` of the identity that the gateway hands to one service. */
export const identityTokenType = 'gatehouse-identity+jwt'
/** How an opaque access token begins, so that secret scanners know one when they see it. */
export const opaqueTokenPrefix = 'gha_'
/** Names of Gatehouse's own cookies; the gateway removes them from what upstreams set and from what they are sent. */
export const cookieNames: readonly string[] = [
  '__Host-gatehouse_session',
  'gatehouse_session',
  '__Host-gatehouse_browser',
  'gatehouse_browser',
  '__Host-gatehouse_device',
  'gatehouse_device',
  '__Host-gatehouse_locale',
  'gatehouse_locale',
  '__Host-gatehouse_app',
  'gatehouse_app',
]
/** The query parameter by which a request to a browser app stands for a form that Gatehouse keeps: the last one, with its id. */
export const keptFormParameter = 'gatehouse_form'
/** The built-in public client for which POST /login, /token/refresh and /logout act. */
export const firstPartyClientId = 'first-party'
/** How a service's own client is named: this and the service's name. */
export const serviceClientPrefix = 'service:'
/** How the client is named that Gatehouse itself is for the browser apps of a host: this and the host. */
export const appClientPrefix = 'app:'
/** The events of the revocation feed: what is revoked, and that everything up to now has been told. */
export const feedEvents = { revoked: 'revoked', current: 'current' } as const
