import { Readable } from 'node:stream'
import type { RequestBody } from './request-body.ts'

/**
 * A body from its beginning, for a request that is sent once more: what has come so far is held, and what is still to come
 * follows it. `undefined` where more has come than is held. Nobody may listen to the body any more.
 */
export function sendAgain(body: RequestBody): Readable | undefined {
  const held = body.takeHeld()
  if (held === undefined) return undefined
  const again = new Readable({ read: () => void body.resume() })
  // Whoever destroys it tells the exchange as well; unheard, the event would end the process.
  again.on('error', () => undefined)
  for (const chunk of held) again.push(chunk)
  if (body.readableEnded) again.push(null)
  else body.once('end', () => again.push(null))
  // What has come and was not read yet is among what is held.
  while (body.read() !== null);
  body.on('data', (chunk: Buffer) => {
    if (!again.push(chunk)) body.pause()
  })
  return again
}
