/** Whether an answer consists of events and has no end that the client could miss. Spec: HTML, server-sent events. */
export function isEventStream(headers: readonly string[]): boolean {
  let isStream = false
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index]?.toLowerCase()
    if (name === 'content-length') return false
    if (name === 'content-type') isStream = /^\s*text\/event-stream\s*(?:;|$)/i.test(headers[index + 1] ?? '')
  }
  return isStream
}

/** Whether an answer says how long it is: one that does not may go on for ever. */
export const saysLength = (headers: readonly string[]): boolean =>
  headers.some((name, index) => index % 2 === 0 && name.toLowerCase() === 'content-length')

/**
 * Whether an answer announces more bytes than may be let through. One to a HEAD, and a 304, announce what does not come. Cost:
 * nothing where any length may be (a limit of Infinity).
 */
export function saysTooLong(method: string, status: number, headers: readonly string[], limit: number): boolean {
  if (limit === Number.POSITIVE_INFINITY || method === 'HEAD' || status === 304) return false
  const place = headers.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === 'content-length')
  return place !== -1 && Number(headers[place + 1]) > limit
}
