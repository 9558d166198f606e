import { type JsonObject, parseJsonObject } from '@gatehouse/core/json'
import * as client from 'openid-client'
import { RefusedToken } from './oauth-failure.ts'
import type { UserinfoSource } from './oauth2-settings.ts'
import { ProviderFailure } from './provider-failure.ts'

/** What a provider's API says to an access token, its sources one after the other: what comes later counts. */
export async function askUserinfo(
  configuration: client.Configuration,
  sources: readonly UserinfoSource[],
  accessToken: string,
): Promise<JsonObject> {
  let claims: JsonObject = {}
  for (const { url, into } of sources) {
    // Facebook calls its JSON a script.
    const headers = new Headers({ accept: 'application/json, text/javascript' })
    const response = await client.fetchProtectedResource(configuration, accessToken, new URL(url), 'GET', null, headers)
    if (response.status === 401) throw new RefusedToken()
    if (response.status !== 200) {
      const { origin, pathname } = new URL(url)
      throw new ProviderFailure('invalid_answer', `${origin}${pathname} answered with ${response.status}`)
    }
    const text = await response.text()
    if (into !== undefined) claims = { ...claims, [into]: parseAny(text) }
    else claims = { ...claims, ...parseJsonObject(text) }
  }
  return claims
}

/** A list is let be one. What it holds has been looked at as it was fetched. */
const parseAny = (text: string): unknown =>
  text.trimStart().startsWith('[') ? JSON.parse(text) : parseJsonObject(text)

/**
 * The member of what a provider says by which it knows somebody: a text, or a whole number.
 * Stops: two people whose numbers are so long that they are the same after parsing.
 */
export function subjectAt(claims: JsonObject, path: string): string {
  let value: unknown = claims
  for (const name of path.split('.')) {
    value =
      typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined
  }
  const subject = Number.isSafeInteger(value) ? String(value) : value
  if (typeof subject === 'string' && /^[^\p{Cc}]{1,255}$/u.test(subject)) return subject
  throw new ProviderFailure('invalid_answer', `nobody can be known by what it says of them: ${path}`)
}
