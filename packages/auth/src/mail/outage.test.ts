import type { AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { type MailServer, startMailServer } from '../testing/mail-server.ts'
import { type StartedAuth, startAuth } from '../testing/start-auth.ts'

let started: StartedAuth
let server: MailServer | undefined
afterEach(async () => {
  await started.close()
  await server?.close()
  server = undefined
})

/** Recovery of so many accounts that exist or not, and how long the slowest took. */
async function ask(count: number): Promise<{ readonly statuses: ReadonlySet<number>; readonly slowest: number }> {
  const statuses = new Set<number>()
  let slowest = 0
  for (let index = 0; index < count; index += 1) {
    const before = performance.now()
    statuses.add((await started.postJson('/recover', { username: index % 2 ? 'nobody' : 'alice' })).status)
    slowest = Math.max(slowest, performance.now() - before)
    started.clock.advance(1)
  }
  return { statuses, slowest }
}

describe('a mail server that is away', () => {
  it('slows nobody and loses nothing: what was asked for arrives once it is back', async () => {
    server = await startMailServer()
    const { settings } = server
    await server.close()
    const failures: unknown[] = []
    const mail = { smtp: settings, inbox: false, perRecipient: 100 }
    started = await startAuth({ mail, onMailFailure: (error) => failures.push(error) })
    const { statuses, slowest } = await ask(10)
    expect([...statuses]).toEqual([202])
    expect(slowest).toBeLessThan(1000)
    expect(await started.auth.outbox.deliver()).toBe(0)
    expect(failures).toHaveLength(5)
    expect(started.mailResults.filter((result) => result === 'delayed')).toHaveLength(5)

    server = await startMailServer({ port: settings.port })
    started.clock.advance(9)
    expect(await started.auth.outbox.deliver()).toBe(0)
    started.clock.advance(1)
    expect(await started.auth.outbox.deliver()).toBe(5)
    expect(server.received.map(({ to }) => to)).toEqual(Array.from({ length: 5 }, () => 'alice@example.com'))
    expect(await started.store.mails.listNewest(10)).toEqual([])
  })

  it('slows nobody where it accepts and says nothing', async () => {
    const silent: Server = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo // it listens at a port
    const smtp = {
      host: '127.0.0.1',
      port,
      security: 'none',
      user: undefined,
      password: undefined,
      from: 'a@example.com',
    } as const
    started = await startAuth({ mail: { smtp, inbox: false, perRecipient: 100 } })
    await ask(2)
    const delivering = started.auth.outbox.deliver()
    const { statuses, slowest } = await ask(10)
    expect([...statuses]).toEqual([202])
    expect(slowest).toBeLessThan(1000)
    started.auth.close()
    expect(await delivering).toBe(0)
    silent.close()
  })

  it('brings mails twice at the worst, and then as one and the same', async () => {
    server = await startMailServer()
    started = await startAuth({ mail: { smtp: server.settings, inbox: false } })
    await started.postJson('/recover', { username: 'alice' })
    const [row] = await started.store.mails.listNewest(1)
    expect(await started.auth.outbox.deliver()).toBe(1)
    if (row) await started.store.mails.insert(row, 10)
    expect(await started.auth.outbox.deliver()).toBe(1)
    const ids = server.received.map(({ raw }) => /^Message-ID: (\S+)/m.exec(raw)?.[1])
    expect(new Set(ids).size).toBe(1)
    expect(ids).toHaveLength(2)
  })
})
