import { type Clock, seconds } from '@gatehouse/core/time'
import type { TokenEndpointResponse } from 'openid-client'
import type { OutsideTokens } from './provider.ts'

/** What a token endpoint gave, for keeping; a refresh token that it did not change stays the one it was. */
export function tokensOf(answer: TokenEndpointResponse, clock: Clock, before?: string): OutsideTokens {
  const { access_token, refresh_token = before, expires_in, scope } = answer
  return {
    accessToken: access_token,
    ...(refresh_token === undefined ? {} : { refreshToken: refresh_token }),
    ...(expires_in === undefined ? {} : { expiresAt: seconds(clock.now() + Math.floor(expires_in)) }),
    ...(scope === undefined ? {} : { scope }),
  }
}
