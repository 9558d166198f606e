import { describe, expect, it } from 'vitest'
import type { Outbound, OutboundRequest } from '../outbound/outbound.ts'
import { OutboundError } from '../outbound/outbound-error.ts'
import { createBackchannelPings } from './backchannel-pings.ts'
import type { OnClientNotice } from './client-notice.ts'
import type { Client } from './clients.ts'
import type { KeyRing } from './key-rings.ts'

const key = { id: 'k1', key: Buffer.alloc(32, 1) }
const ring: KeyRing = { current: key, find: (id) => (id === key.id ? key : undefined) }
const content = { authRequestId: 'ghb_1', token: 'token-1' }
// No more of a client is read.
const client = {
  id: 'till',
  privateNetwork: false,
  ciba: { mode: 'ping', notificationEndpoint: 'https://client.example/cb' },
} as unknown as Client

/** Another server, which answers each try as it is told. */
const answering = (...answers: readonly (number | 'unreachable')[]) => {
  const notices: string[] = []
  const asked: { readonly url: string; readonly request: OutboundRequest }[] = []
  const outbound: Pick<Outbound, 'fetch'> = {
    async fetch(url, request) {
      const answer = answers[asked.length] ?? 204
      asked.push({ url, request })
      if (answer === 'unreachable') throw new OutboundError('unreachable')
      return { status: answer, headers: {}, text: '' }
    },
  }
  const onNotice: OnClientNotice = ({ kind, clientId, result, why = 'well' }) =>
    notices.push(`${kind} ${clientId} ${result}: ${why}`)
  return { asked, notices, pings: createBackchannelPings({ outbound, ring, onNotice }, [0, 1, 1]) }
}

describe('a ping', () => {
  it('is tried again where nobody answers or the server fails, and not once it has arrived', async () => {
    const { asked, notices, pings } = answering('unreachable', 503, 204)
    await pings.send(client, { hash: 'h', sealed_notification_token: pings.seal('h', content) })
    expect(asked).toHaveLength(3)
    expect(asked[0]).toMatchObject({
      url: 'https://client.example/cb',
      request: {
        method: 'POST',
        headers: { authorization: 'Bearer token-1' },
        body: '{"auth_req_id":"ghb_1"}',
        allowsPrivate: false,
      },
    })
    expect(notices).toEqual([
      'ping till failed: name not found',
      'ping till failed: answered with 503',
      'ping till delivered: well',
    ])
  })

  it('is given up after some tries, without an error', async () => {
    const { asked, notices, pings } = answering('unreachable', 500, 429, 204)
    await pings.send(client, { hash: 'h', sealed_notification_token: pings.seal('h', content) })
    expect(asked).toHaveLength(3)
    expect(notices.at(-1)).toBe('ping till given_up: answered with 429')
  })

  it('goes to a private network for a client of which the file says so', async () => {
    const { asked, pings } = answering()
    await pings.send(
      { ...client, privateNetwork: true },
      { hash: 'h', sealed_notification_token: pings.seal('h', content) },
    )
    expect(asked[0]?.request.allowsPrivate).toBe(true)
  })

  it('that the client does not want is not tried again', async () => {
    const { asked, notices, pings } = answering(401)
    await pings.send(client, { hash: 'h', sealed_notification_token: pings.seal('h', content) })
    expect(asked).toHaveLength(1)
    expect(notices).toEqual(['ping till given_up: answered with 401'])
  })

  it('goes nowhere for a client that polls, and with what was sealed for another request', async () => {
    const { asked, pings } = answering()
    const sealed = pings.seal('h', content)
    await pings.send(client, { hash: 'h', sealed_notification_token: null })
    await pings.send(client, { hash: 'other', sealed_notification_token: sealed })
    await pings.send(client, { hash: 'h', sealed_notification_token: `k2.${sealed.slice(3)}` })
    await pings.send({ ...client, ciba: undefined }, { hash: 'h', sealed_notification_token: sealed })
    expect(asked).toEqual([])
  })
})
