import { createHmac } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ManualClock } from '@gatehouse/core/time'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createOutbound, type Outbound } from '../outbound/outbound.ts'
import { DeliveryError, type OutgoingMail } from './delivery.ts'
import { createWebhookSender } from './webhook-sender.ts'

const secret = 'a secret of the webhook'
let server: Server
let url: string
let outbound: Outbound
let status: number
let requests: { readonly headers: IncomingHttpHeaders; readonly body: string }[]

beforeEach(async () => {
  status = 204
  requests = []
  outbound = createOutbound({ allowLoopback: true })
  server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += chunk))
    request.on('end', () => {
      requests.push({ headers: request.headers, body })
      response.writeHead(status).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/messages` // it listens at a port
})
afterEach(() => {
  outbound.close()
  server.close()
})

const mail: OutgoingMail = {
  ...{ id: 'mail-1', kind: 'sign_in_code', userId: 'usr_1', to: 'alice@example.com', locale: 'en' },
  ...{ subject: 'Your code', text: 'Your code', html: '<p>Your code</p>', code: '12345678' },
}
const send = (): Promise<void> =>
  createWebhookSender({ outbound, clock: new ManualClock() }, { url, secret }).send(mail)

describe('a message by webhook', () => {
  it('is signed JSON that says what it is and carries its code', async () => {
    await send()
    const [{ headers, body } = { headers: {}, body: '' }] = requests
    expect(JSON.parse(body)).toEqual({
      ...{ id: 'mail-1', kind: 'sign_in_code', user_id: 'usr_1', to: 'alice@example.com', locale: 'en' },
      ...{ subject: 'Your code', text: 'Your code', html: '<p>Your code</p>', link: null, code: '12345678' },
    })
    const at = new ManualClock().now()
    const mac = createHmac('sha256', secret).update(`${at}.${body}`).digest('hex')
    expect(headers['gatehouse-signature']).toBe(`t=${at},v1=${mac}`)
    expect(headers['content-type']).toBe('application/json')
  })

  it.each([
    [400, true],
    [404, true],
    [410, true],
    [422, true],
    [401, false],
    [408, false],
    [429, false],
    [500, false],
    [503, false],
  ])('that is answered %i has failed for good: %s', async (answer, isFinal) => {
    status = answer
    await expect(send()).rejects.toMatchObject({ name: 'DeliveryError', isFinal })
  })

  it('may be tried again where nobody answers', async () => {
    server.close()
    const error = await send().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(DeliveryError)
    expect(error).toMatchObject({ isFinal: false })
  })
})
