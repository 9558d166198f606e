import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type MailServer, startMailServer } from '@gatehouse/auth/testing/mail-server'
import { afterEach, describe, expect, it } from 'vitest'
import { createSite, findFreePort, get, onThisMachine, postJson, type Site } from './running-program.ts'

const host = { host: 'auth.example.com' }
let site: Site
let server: MailServer | undefined
afterEach(async () => {
  await site.remove()
  await server?.close()
  server = undefined
})

const mailTo = (port: number, more = ''): string => `mail:
  from: Example <no-reply@example.com>
  smtp: smtp://gatehouse:\${SMTP_PASSWORD}@127.0.0.1:${port}
  insecure: { without_tls: true }
sign_up: { mode: open }
${more}`
const environment = { SMTP_PASSWORD: 'canary-of-the-mail-server' }
const account = { user: 'gatehouse', password: environment.SMTP_PASSWORD }
const password = 'a meadow of foxgloves'
const within = async <T>(milliseconds: number, promise: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${milliseconds} ms`)), milliseconds)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

describe('mails of the shipped program', () => {
  it('leave at once, and lead to an account that signs in by its address', async () => {
    server = await startMailServer({ account })
    site = await createSite(mailTo(server.settings.port), environment)
    const running = await site.start()
    const asked = await postJson(`${site.url}/signup`, { email: 'carol@example.com', password }, host)
    await within(1000, server.waitFor(1))
    const [mail] = server.received
    expect(mail).toMatchObject({ from: 'no-reply@example.com', to: 'carol@example.com' })
    const token = /token=(ghs_[\w-]+)/.exec(mail?.text ?? '')?.[1]
    const { sign_up_token } = asked.json
    expect((await postJson(`${site.url}/verify`, { token, sign_up_token }, host)).status).toBe(200)
    expect((await postJson(`${site.url}/login`, { username: 'Carol@Example.com', password }, host)).status).toBe(200)
    expect((await get(`${site.url}/dev/inbox`, host)).status).toBe(404)
    expect((await get(`${site.url}/metrics`, host)).text).toContain('gatehouse_mails_total{result="delivered"} 1')
    await running.stop()
    const database = readFileSync(join(site.folder, 'data/gatehouse.db'), 'latin1')
    for (const secret of [environment.SMTP_PASSWORD, token ?? 'no token', password]) {
      expect(running.output()).not.toContain(secret)
      expect(database).not.toContain(secret)
    }
  })

  it('wait for a mail server that is away, and do not keep the program from ending', async () => {
    const port = await findFreePort()
    site = await createSite(mailTo(port), environment)
    const first = await site.start()
    const startedAt = performance.now()
    expect((await postJson(`${site.url}/signup`, { email: 'carol@example.com', password }, host)).status).toBe(202)
    expect(performance.now() - startedAt).toBeLessThan(onThisMachine(1500))
    await within(5000, untilSaid(first.output, 'mail not delivered'))
    expect(first.output()).not.toContain('carol')
    expect((await first.stop()).milliseconds).toBeLessThan(5000)
    server = await startMailServer({ port, account })
    await site.start()
    await within(20_000, server.waitFor(1))
    expect(server.received[0]?.to).toBe('carol@example.com')
  })

  it('invite by the command line, and tell owners of what is done there', async () => {
    server = await startMailServer({ account })
    site = await createSite(mailTo(server.settings.port), environment)
    await site.start()
    expect(await site.run(['user', 'invite', 'dave@example.com', '--role', 'clerk', '--language', 'fr'])).toMatchObject(
      {
        code: 0,
        stdout: expect.stringContaining('invited dave@example.com'),
      },
    )
    await within(5000, server.waitFor(1))
    expect(server.received[0]).toMatchObject({ to: 'dave@example.com', subject: 'Invitation à Gatehouse' })
    const token = /token=(ghi_[\w-]+)/.exec(server.received[0]?.text ?? '')?.[1]
    const open = () => get(`${site.url}/verify?token=${token}`, host)
    expect((await open()).status).toBe(200)
    const withdraw = ['user', 'withdraw-invitation', 'dave@example.com']
    expect(await site.run(withdraw)).toMatchObject({ code: 0, stdout: expect.stringContaining('withdrew') })
    expect((await open()).status).toBe(404)
    expect(await site.run(withdraw)).toMatchObject({ code: 2, stderr: expect.stringContaining('no invitation') })
    await site.run(['user', 'add', 'erin', '--email', 'erin@example.com'], `${password}\n`)
    expect(await site.run(['user', 'invite', 'erin@example.com'])).toMatchObject({ code: 1 })
    expect((await site.run(['user', 'set-password', 'erin'], 'another good password\n')).code).toBe(0)
    await within(5000, server.waitFor(2))
    expect(server.received[1]).toMatchObject({ to: 'erin@example.com' })
  })

  it('are nobody’s where there is no way to send them', async () => {
    site = await createSite()
    await site.run(['migrate'])
    const refused = await site.run(['user', 'invite', 'dave@example.com'])
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('add mail') })
  })
})

async function untilSaid(output: () => string, text: string): Promise<void> {
  while (!output().includes(text)) await new Promise((resolve) => setTimeout(resolve, 20))
}
