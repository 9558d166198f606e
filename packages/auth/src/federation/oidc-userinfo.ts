import { type JsonObject, parseJsonObject } from '@gatehouse/core/json'
import * as client from 'openid-client'
import { ProviderFailure } from './provider-failure.ts'

/**
 * What the userinfo endpoint says of whom an access token was given for. A subject that is expected has to be theirs.
 * Spec: OpenID Connect Core 1.0 section 5.3.2, 5.3.4. Stops: an access token of somebody else, swapped in.
 */
export async function askUserinfo(
  configuration: client.Configuration,
  accessToken: string,
  subject: string | typeof client.skipSubjectCheck,
): Promise<JsonObject> {
  const userinfo = await client.fetchUserInfo(configuration, accessToken, subject)
  try {
    // What came as a JWT has not been looked at for members that reach for a prototype.
    return parseJsonObject(JSON.stringify(userinfo))
  } catch {
    throw new ProviderFailure('invalid_answer', 'what userinfo says is refused')
  }
}
