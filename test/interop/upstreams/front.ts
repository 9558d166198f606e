import { checkRequest } from '@gatehouse/gateway/check-request'
import { sendRaw } from '@gatehouse/gateway/fixtures/client'
import { startGateway, type TestGateway } from '@gatehouse/gateway/fixtures/gateway-server'
import type { ServiceDefinition } from '@gatehouse/gateway/routes'
import { createUpgradedResponse } from '@gatehouse/gateway/websocket/upgraded-response'
import { afterAll, beforeAll, describe } from 'vitest'
import { startFastify } from './fastify.ts'
import { isNginxMissing, startNginx } from './nginx.ts'
import { startPlain } from './plain-node.ts'
import type { Received, Upstream } from './record.ts'

/**
 * Services of three makes, which do the same. A request for the guarded path is answered `guarded`, for any path below `/v2` `inside`,
 * for any other `open`, each with the subject that it was told and the service's name; `/kept` says that anybody may keep the
 * answer for an hour; `/upload` reads the body before it answers; `/large` is 32 MiB; `/live/…` agrees to a WebSocket and greets it, and so does
 * the guarded path.
 */
const kinds: readonly [name: string, start: (name?: string) => Promise<Upstream>, isMissing: boolean][] = [
  ['plain node', startPlain, false],
  ['Fastify', startFastify, false],
  ['nginx', (name = '') => startNginx(name, startPlain), isNginxMissing],
]

/** A gateway in front of services of one make. */
export interface Front {
  /** The services, in the order of their definitions' origins. */
  readonly upstreams: readonly Upstream[]
  readonly test: TestGateway
  /** What the first service has received since the last time that this was asked. */
  news(): Promise<readonly Received[]>
  /** Sends bytes on a connection of its own; see `sendRaw`. */
  say(bytes: string, quiet?: number): Promise<{ readonly text: string; readonly closed: boolean }>
}

/**
 * Runs tests with a gateway in front of each make of service. `services` gets the origins of so many services of that make as it takes
 * arguments, and says what the gateway knows; the tests get the front by calling what they are handed.
 */
export function inFrontOfEach(
  services: (...origins: string[]) => readonly ServiceDefinition[],
  tests: (front: () => Front) => void,
  options: Parameters<typeof startGateway>[1] = {},
): void {
  describe.each(kinds)('in front of %s', (_name, start, isMissing) => {
    describe.skipIf(isMissing)('the gateway', () => {
      let front: Front | undefined
      beforeAll(async () => {
        front = await startFront(start, services, options)
      })
      afterAll(async () => {
        await front?.test.stop()
        for (const upstream of front?.upstreams ?? []) await upstream.stop()
      })
      tests(() => {
        if (front === undefined) throw new Error('it has not started')
        return front
      })
    })
  })
}

async function startFront(
  start: (name: string) => Promise<Upstream>,
  services: (...origins: string[]) => readonly ServiceDefinition[],
  options: Parameters<typeof startGateway>[1],
): Promise<Front> {
  const upstreams: Upstream[] = []
  for (let index = 0; index < services.length; index += 1) upstreams.push(await start(`service-${index}`))
  const test = await startGateway(services(...upstreams.map(({ origin }) => origin)), options)
  test.server.on('upgrade', (request, socket, head) => {
    const response = createUpgradedResponse(request, socket)
    if (response) test.gateway.upgrade(request, response, checkRequest(request), head)
  })
  let seen = 0
  return {
    upstreams,
    test,
    async news() {
      const all = (await upstreams[0]?.received()) ?? []
      const fresh = all.slice(seen)
      seen = all.length
      return fresh
    },
    say: (bytes, quiet) => sendRaw(test.port, bytes, quiet),
  }
}
