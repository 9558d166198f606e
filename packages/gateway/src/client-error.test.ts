import { PassThrough } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { createClientErrorHandler } from './client-error.ts'

const fail = (code: string): Error => Object.assign(new Error(code), { code })

/** Connections of one moment that all fail in this way. */
function failTogether(code: string, count: number) {
  const handle = createClientErrorHandler()
  const sockets = Array.from({ length: count }, () => new PassThrough())
  for (const socket of sockets) handle(fail(code), socket)
  return { sockets, answered: () => sockets.filter((socket) => socket.writableEnded).length }
}

describe('connections that fail together', () => {
  it('are told that their time is up a few in each turn, so that nobody else waits for all of them', async () => {
    const { sockets, answered } = failTogether('ERR_HTTP_REQUEST_TIMEOUT', 20)
    expect(answered()).toBe(8)
    await nextTurn()
    expect(answered()).toBe(16)
    await nextTurn()
    expect(answered()).toBe(20)
    for (const socket of sockets) expect(String(socket.read())).toMatch(/^HTTP\/1\.1 408 /)
  })

  it('are told of anything else at once: what could not be read must not be read on', () => {
    expect(failTogether('HPE_INVALID_METHOD', 20).answered()).toBe(20)
  })
})
