import type { ClientAuthentication } from './oauth-client-authentication.ts'

/** What is known of one plain OAuth 2 provider. */
export interface OAuth2Settings {
  /** What it calls itself in its answers (RFC 9207). Absent: what it says there is not looked at. */
  readonly issuer?: string | undefined
  readonly clientId: string
  readonly authentication: ClientAuthentication
  readonly authorizationEndpoint: string
  readonly tokenEndpoint: string
  /** What is asked about somebody, one after the other. */
  readonly userinfo: readonly UserinfoSource[]
  /** The member that people are known by, with dots between the names of members: `id`, `data.id`. */
  readonly subject: string
  readonly scopes: readonly string[]
  readonly authorizationParameters: Readonly<Record<string, string>>
  /** Whether a challenge is sent; off where the provider refuses one. */
  readonly pkce: boolean
  /** Form: tokens are answered as a form, although JSON is asked for. */
  readonly tokenAnswer: 'json' | 'form'
  /** Whether names and passwords are checked there, by the password grant: to take accounts over, and for nothing else. */
  readonly passwordGrant: boolean
  readonly keepTokens: boolean
}

/** An address that answers JSON about whom an access token was given for. */
export interface UserinfoSource {
  readonly url: string
  /** The claim that the answer becomes. Absent: its members become claims. */
  readonly into?: string | undefined
}
