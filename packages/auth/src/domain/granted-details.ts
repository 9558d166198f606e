import { isDeepStrictEqual } from 'node:util'
import type { JsonObject } from '@gatehouse/core/json'

/** The authorization_details of a column, where `null` is none; the column is written from checked ones. */
export const readGrantedDetails = (text: string | null): readonly JsonObject[] =>
  text === null ? [] : (JSON.parse(text) as readonly JsonObject[])

/**
 * What is asked for of the authorization_details that were granted: all of them where nothing is asked. `undefined` = one
 * that was not granted, differs in anything, or is asked for more often than it was granted.
 * Spec: RFC 9396 sections 6 and 6.1. Stops: details that grow between the user's consent and a token.
 */
export function narrowDetails(
  asked: readonly JsonObject[] | undefined,
  granted: readonly JsonObject[],
): readonly JsonObject[] | undefined {
  if (asked === undefined) return granted
  const left = [...granted]
  for (const detail of asked) {
    const index = left.findIndex((candidate) => isDeepStrictEqual(candidate, detail))
    if (index === -1) return undefined
    left.splice(index, 1)
  }
  return asked
}
