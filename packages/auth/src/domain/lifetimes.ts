import { seconds } from '@gatehouse/core/time'

/**
 * No access token may be configured to live longer than this (24 h). What outlives a change of configuration, such as a
 * retired key or the revocation of a whole client, counts with this and not with today's setting.
 */
export const longestAccessTokenLifetime = seconds(86_400)
