/** A request as node:http and the frameworks on top of it show it. */
export interface RequestHeaders {
  readonly headers: { readonly authorization?: string | undefined }
  /** Names and values in turn, as they came over the wire. */
  readonly rawHeaders?: readonly string[] | undefined
}

/**
 * Every Authorization header of a request. node:http shows only the first of several in `headers`, and two of them are
 * one too many: somebody else may have looked at the other one.
 */
export function findAuthorization({ headers, rawHeaders }: RequestHeaders): string | string[] | undefined {
  if (!rawHeaders) return headers.authorization
  const values: string[] = []
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() === 'authorization') values.push(rawHeaders[index + 1] ?? '')
  }
  return values.length === 0 ? headers.authorization : values
}
