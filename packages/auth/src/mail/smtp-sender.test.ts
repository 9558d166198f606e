import type { AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { defaultBrand } from '../pages/brand.ts'
import { buildLook } from '../pages/look.ts'
import { buildCertificate } from '../testing/certificates.ts'
import { type MailServer, startMailServer } from '../testing/mail-server.ts'
import { DeliveryError, type MailSender, type OutgoingMail } from './delivery.ts'
import { writeLink } from './letters.ts'
import { createSmtpSender, type SmtpSettings } from './smtp-sender.ts'

let server: MailServer | undefined
let sender: MailSender | undefined
afterEach(async () => {
  sender?.close()
  await server?.close()
  server = undefined
})

const link = 'https://auth.example.com/verify?token=ghs_abc'
const mail: OutgoingMail = {
  id: 'mail-1',
  kind: 'sign_up',
  to: 'alice@example.com',
  ...writeLink(buildLook('de', { ...defaultBrand, name: 'Bücher & Co' }), 'sign_up', { link, goodFor: 900 }),
}
const send = (settings: SmtpSettings, given: Partial<OutgoingMail> = {}): Promise<void> => {
  sender = createSmtpSender(settings)
  return sender.send({ ...mail, ...given })
}
const failure = (sending: Promise<void>): Promise<DeliveryError> =>
  sending.then(
    () => {
      throw new Error('it was sent')
    },
    (error: unknown) => {
      if (error instanceof DeliveryError) return error
      throw error
    },
  )

describe('a mail by SMTP', () => {
  it('arrives as text and as HTML, in its own words', async () => {
    server = await startMailServer()
    await send(server.settings)
    const [received] = server.received
    expect(received).toMatchObject({ from: 'no-reply@example.com', to: 'alice@example.com' })
    expect(received?.subject).toBe('Bestätigen Sie Ihre Adresse für Bücher & Co')
    expect(received?.text).toContain(link)
    expect(received?.html).toContain(`href="${link}"`)
    expect(received?.html).toContain('Bücher &amp; Co')
    expect(received?.raw).toMatch(/^From: Example <no-reply@example\.com>/m)
    expect(received?.raw).toMatch(/^Message-ID: <mail-1@example\.com>/m)
    expect(received?.raw).toMatch(/^Auto-Submitted: auto-generated/m)
  })

  it('goes to the one address that it is for, whatever that looks like', async () => {
    server = await startMailServer()
    await failure(send(server.settings, { to: 'alice@example.com, eve@example.com' })).catch(() => undefined)
    expect(server.received.filter(({ to }) => to === 'eve@example.com')).toEqual([])
  })

  it('signs in where the server asks for it', async () => {
    server = await startMailServer({ account: { user: 'gatehouse', password: 'p@ss:/word' } })
    await send(server.settings)
    expect(server.received).toHaveLength(1)
    const wrong = await failure(send({ ...server.settings, password: 'another' }))
    expect(wrong.isFinal).toBe(false)
  })

  it('is refused for good only where the server will not have the recipient', async () => {
    server = await startMailServer()
    server.refused.add('alice@example.com')
    expect((await failure(send(server.settings))).isFinal).toBe(true)
  })

  it('may be tried again where nobody listens', async () => {
    server = await startMailServer()
    await server.close()
    expect((await failure(send(server.settings))).isFinal).toBe(false)
  })

  it('is never sent in clear where that is not allowed', async () => {
    server = await startMailServer()
    expect((await failure(send({ ...server.settings, security: 'starttls' }))).isFinal).toBe(false)
    expect((await failure(send({ ...server.settings, security: 'tls' }))).isFinal).toBe(false)
    expect(server.received).toEqual([])
  })

  it('is not sent to a server whose certificate nobody vouches for', async () => {
    const certificate = buildCertificate({
      subject: [['CN', 'localhost']],
      names: [{ kind: 'dns', text: 'localhost' }],
    })
    server = await startMailServer({ security: 'starttls', certificate })
    await failure(send({ ...server.settings, host: 'localhost' }))
    expect(server.received).toEqual([])
  })

  it('fails within seconds where the server accepts and then says nothing', async () => {
    const silent: Server = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo // it listens at a port
    const started = performance.now()
    const settings = { host: '127.0.0.1', port, security: 'none', from: 'a@example.com' } as const
    await failure(send({ ...settings, user: undefined, password: undefined }))
    expect(performance.now() - started).toBeLessThan(8000)
    silent.close()
  })

  it('ends at once when the sender is closed', async () => {
    const silent: Server = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo // it listens at a port
    const settings = { host: '127.0.0.1', port, security: 'none', from: 'a@example.com' } as const
    const started = performance.now()
    const sending = failure(send({ ...settings, user: undefined, password: undefined }))
    setTimeout(() => sender?.close(), 200)
    await sending
    expect(performance.now() - started).toBeLessThan(2000)
    silent.close()
  })
})
