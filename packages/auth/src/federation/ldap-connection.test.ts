import { EventEmitter } from 'node:events'
import { type AddressInfo, createServer, type Server, Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'
import { ManualClock } from '@gatehouse/core/time'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { createOutbound } from '../outbound/outbound.ts'
import { buildCertificate } from '../testing/certificates.ts'
import { createLdapProvider } from './ldap.ts'
import { openConnection } from './ldap-connection.ts'
import type { LdapServer, LdapSettings } from './ldap-settings.ts'
import type { Provider } from './provider.ts'
import { ProviderFailure } from './provider-failure.ts'

/** A tag, its length and what is in it (Spec: X.690), with a length of at most 65535. */
const ber = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts)
  const { length } = content
  return Buffer.concat([Buffer.from([tag, 0x82, length >> 8, length & 255]), content])
}
const octets = (text: string): Buffer => ber(0x04, Buffer.from(text))
const message = (id: number, ...parts: readonly Uint8Array[]): Buffer => ber(0x30, Buffer.from([2, 1, id]), ...parts)
/** The answer `success` to an operation: 0x61 bind, 0x65 search, 0x78 extended. */
const success = (id: number, tag: number, code = 0): Buffer =>
  message(id, ber(tag, Buffer.from([10, 1, code]), octets(''), octets('')))
const idOf = (request: Buffer): number => request[4] ?? 0 // requests here are shorter than 128 bytes
const isBind = (request: Buffer): boolean => request[5] === 0x60

const servers: Server[] = []
const providers: Provider[] = []
const outbound = createOutbound({ allowLoopback: true })
const sockets = new Set<Socket>()

/** A directory that does with each connection what a test says. */
async function listen(handle: (socket: Socket) => void): Promise<LdapServer> {
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    handle(socket)
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // it listens at a port
  return { host: '127.0.0.1', port, security: 'none' }
}
afterAll(async () => {
  for (const provider of providers) await provider.close()
  for (const socket of sockets) socket.destroy()
  for (const server of servers) server.close()
})

const check = (at: LdapServer, authorities?: string): Promise<unknown> => signerAt(at, authorities)()

/** Signs alice in at a directory, over connections that are kept. */
function signerAt(at: LdapServer, authorities?: string, more: Partial<LdapSettings> = {}): () => Promise<unknown> {
  const provider = createLdapProvider(
    { name: 'corp', issuer: 'https://auth.example.com', clock: new ManualClock(), outbound },
    {
      ...{ servers: [at], authorities, baseDn: 'dc=x', userFilter: '(uid={username})', subjectAttribute: 'uid' },
      ...{ usernameAttribute: 'uid', attributes: [], poolSize: 2 },
      ...more,
    },
  )
  providers.push(provider)
  return async () => {
    const door = provider.check?.({ username: 'alice', password: 'alice-secret', address: '127.0.0.1' })
    return (
      door?.catch((error) => (error instanceof ProviderFailure ? error : Promise.reject(error))) ?? Promise.reject()
    )
  }
}
const attribute = (name: string, value: string): Buffer => ber(0x30, octets(name), ber(0x31, octets(value)))
const entry = (id: number, ...attributes: readonly Uint8Array[]): Buffer =>
  message(id, ber(0x64, octets('uid=alice,dc=x'), ber(0x30, ...attributes)))

describe('a directory that fails', () => {
  const found = (id: number) => Buffer.concat([entry(id, attribute('uid', 'alice')), success(id, 0x65)])
  const bound = (id: number) => success(id, 0x61)
  const end = undefined
  it.each([
    ['a search that it is too busy for', (id: number) => success(id, 0x65, 51), bound, 'beside'],
    ['the end of the connection in the place of a search', end, bound, 'unasked'],
    ['a bind that it is too busy for', found, (id: number) => success(id, 0x61, 51), 'answered'],
    ['the end of the connection in the place of a bind', found, end, 'answered'],
    ['an entry without a subject', (id: number) => Buffer.concat([entry(id), success(id, 0x65)]), bound, 'beside'],
  ])('has judged a password or has not: %s', async (_, search, bind, stage) => {
    const at = await listen((socket) =>
      socket.on('data', (request) => {
        const answer = isBind(request) ? bind : search
        if (answer) socket.write(answer(idOf(request)))
        else socket.destroy()
      }),
    )
    expect(await check(at)).toMatchObject({ stage })
  })

  it('has heard no password where it cannot be reached, or lets the search user not in', async () => {
    const refuses = await listen((socket) =>
      socket.on('data', (request) => socket.write(success(idOf(request), 0x61, 49))),
    )
    const searchUser = { dn: 'cn=search,dc=x', password: 'search-secret' }
    expect(await signerAt(refuses, undefined, { searchUser })()).toMatchObject({ stage: 'unasked' })
    expect(await check({ host: '127.0.0.1', port: 1, security: 'none' })).toMatchObject({ stage: 'unasked' })
  })

  it.each([
    ['is away', end, 'unasked'],
    ['says no', (id: number) => success(id, 0x65, 50), 'beside'],
  ])('has been right about a password where it %s when it is asked for groups', async (_, search, stage) => {
    let searches = 0
    const at = await listen((socket) =>
      socket.on('data', (request) => {
        if (isBind(request)) return void socket.write(bound(idOf(request)))
        searches += 1
        const answer = searches === 1 ? found : search
        if (answer) socket.write(answer(idOf(request)))
        else socket.destroy()
      }),
    )
    const groups = { baseDn: 'dc=x', filter: '(member={dn})', nameAttribute: 'cn' }
    expect(await signerAt(at, undefined, { groups })()).toMatchObject({ stage })
  })

  it('is not silent where too many ask it at a time, and is not asked by who would have no time left', async () => {
    const at = await listen((socket) =>
      socket.on('data', (request) => {
        const answer = isBind(request) ? success(idOf(request), 0x61, 49) : found(idOf(request))
        setTimeout(() => socket.write(answer), 400)
      }),
    )
    const signIn = signerAt(at, undefined, { poolSize: 1 })
    const outcomes = await Promise.all(Array.from({ length: 60 }, signIn))
    const crowded = outcomes.filter((outcome) => outcome instanceof ProviderFailure)
    expect(crowded.length).toBeGreaterThan(40)
    for (const failure of crowded) expect(failure).toMatchObject({ reason: 'unavailable', stage: 'crowded' })
    expect(await signIn()).toEqual({ wrongFor: 'alice' })
  })

  it('may have judged a password that it is silent about', async () => {
    const at = await listen((socket) =>
      socket.on('data', (request) => {
        if (!isBind(request)) socket.write(found(idOf(request)))
      }),
    )
    expect(await check(at)).toMatchObject({ reason: 'unavailable', stage: 'unanswered' })
  })
})

describe('a directory that cannot be trusted', () => {
  it('is believed where it answers as it should', async () => {
    const at = await listen((socket) =>
      socket.on('data', (request) => {
        const id = idOf(request)
        if (isBind(request)) socket.write(success(id, 0x61))
        else socket.write(Buffer.concat([entry(id, attribute('uid', 'alice')), success(id, 0x65)]))
      }),
    )
    expect(await check(at)).toMatchObject({ subject: 'alice' })
  })

  it.concurrent.each([
    [
      'an entry whose attributes end too early',
      (id: number) => message(id, ber(0x64, octets('x'), Buffer.from([0x30, 0x40, 0x30]))),
    ],
    ['an entry without attributes', (id: number) => message(id, ber(0x64, octets('x')))],
    ['an entry without anything', (id: number) => message(id, ber(0x64))],
    ['an attribute without values', (id: number) => entry(id, ber(0x30, octets('uid')))],
    ['an attribute that says it is longer than it is', (id: number) => entry(id, Buffer.from([0x30, 0x7f, 4, 1, 65]))],
    ['bytes that are no message', () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['a message that is none of LDAP', (id: number) => message(id, ber(0x42, octets('x')))],
    ['a length of four gigabytes', () => Buffer.from([0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 2, 1, 2])],
    ['many messages in one breath', (id: number) => Buffer.concat(Array(60_000).fill(success(id + 1, 0x65)))],
  ])('fails alone, and in time, with %s', async (_, answer) => {
    const at = await listen((socket) => socket.on('data', (request) => socket.write(answer(idOf(request)))))
    const started = performance.now()
    expect(await check(at)).toBeInstanceOf(ProviderFailure)
    expect(performance.now() - started).toBeLessThan(5000)
  })

  it('is read one answer at a time: the library calls itself for each of what it is handed', async () => {
    const pieces: number[] = []
    const { emit } = EventEmitter.prototype
    vi.spyOn(EventEmitter.prototype, 'emit').mockImplementation(function (this: EventEmitter, event, ...values) {
      const [chunk] = values
      if (event === 'data' && this instanceof Socket && this.remotePort === at.port && Buffer.isBuffer(chunk)) {
        pieces.push(chunk.length)
      }
      return emit.call(this, event, ...values)
    })
    const one = success(99, 0x65)
    const at = await listen((socket) => socket.on('data', () => socket.write(Buffer.concat(Array(500).fill(one)))))
    expect(await check(at)).toBeInstanceOf(ProviderFailure)
    expect(pieces.length).toBeGreaterThan(1)
    expect(new Set(pieces)).toEqual(new Set([one.length]))
  })

  it.concurrent.each([
    ['without a result', (id: number) => message(id, ber(0x61))],
    ['with half a result', (id: number) => message(id, ber(0x61, Buffer.from([10, 1, 0]), octets('')))],
    ['to another question', (id: number) => success(id, 0x65)],
    ['to yet another', (id: number) => success(id, 0x78)],
  ])('lets nobody in by an answer to their password %s', async (_, answer) => {
    const at = await listen((socket) =>
      socket.on('data', (request) => {
        const id = idOf(request)
        if (!isBind(request)) socket.write(Buffer.concat([entry(id, attribute('uid', 'alice')), success(id, 0x65)]))
        else if (request.includes('alice-secret')) socket.write(answer(id))
        else socket.write(success(id, 0x61))
      }),
    )
    expect(await check(at)).toMatchObject({
      reason: 'invalid_answer',
      detail: expect.stringContaining('no answer of LDAP'),
    })
  })

  it('that ends a kept connection in order is asked again over a new one', async () => {
    const code = Buffer.from([10, 1, 52])
    const name = ber(0x8a, Buffer.from('1.3.6.1.4.1.1466.20036'))
    const notice = message(0, ber(0x78, code, octets(''), octets(''), name))
    let isEnding = false
    const at = await listen((socket) =>
      socket.on('data', (request) => {
        const id = idOf(request)
        if (isEnding) {
          isEnding = false
          socket.end(notice)
        } else if (isBind(request)) socket.write(success(id, 0x61))
        else socket.write(Buffer.concat([entry(id, attribute('uid', 'alice')), success(id, 0x65)]))
      }),
    )
    const sign = signerAt(at)
    expect(await sign()).toMatchObject({ subject: 'alice' })
    isEnding = true
    expect(await sign()).toMatchObject({ subject: 'alice' })
  })

  it('is understood however its answers are cut', async () => {
    const at = await listen((socket) =>
      socket.on('data', async (request) => {
        const id = idOf(request)
        const answer = isBind(request)
          ? success(id, 0x61)
          : Buffer.concat([entry(id, attribute('uid', 'alice')), success(id, 0x65)])
        for (const byte of answer) {
          socket.write(Buffer.from([byte]))
          await new Promise((resolve) => setImmediate(resolve))
        }
      }),
    )
    expect(await check(at)).toMatchObject({ subject: 'alice' })
  })

  it('is cut off where it answers without end', async () => {
    const at = await listen((socket) =>
      socket.on('data', (request) => {
        const chunk = Buffer.concat(Array(10).fill(entry(idOf(request), attribute('description', 'x'.repeat(5000)))))
        const pour = (): void => {
          if (!socket.destroyed) socket.write(chunk, pour)
        }
        pour()
      }),
    )
    expect(await check(at)).toMatchObject({
      reason: 'invalid_answer',
      detail: expect.stringContaining('more than is read'),
    })
  })

  it.concurrent('is no reason to wait where it drips', async () => {
    const at = await listen((socket) => {
      socket.write(Buffer.from([0x30, 0x82, 0xff, 0xff]))
      const timer = setInterval(() => socket.write(Buffer.from([0x30])), 50)
      socket.on('close', () => clearInterval(timer))
    })
    expect(await check(at)).toMatchObject({ reason: 'unavailable' })
  })
})

describe('StartTLS', () => {
  const { cert, key } = buildCertificate({
    ...{ subject: [['CN', 'localhost']] },
    names: [{ kind: 'ip', bytes: [127, 0, 0, 1] }],
  })
  /** A server behind somebody who puts bytes after its answer, while nothing is encrypted yet. */
  const listenBehind = (injected: Uint8Array, answerTo: (request: Buffer) => Buffer): Promise<LdapServer> =>
    listen((socket) => {
      socket.once('data', (request) => {
        const secure = new TLSSocket(socket, { isServer: true, secureContext: createSecureContext({ cert, key }) })
        secure.on('error', () => {})
        secure.on('data', (asked) => secure.write(answerTo(asked)))
        socket.write(Buffer.concat([success(idOf(request), 0x78), injected]))
      })
    }).then((at) => ({ ...at, security: 'starttls' }))

  it('takes no answer from before the encryption, not even half of one', async () => {
    const refused = (request: Buffer): Buffer => success(idOf(request), 0x61, 49)
    // The answer `success` to the next bind but for its last byte, which the true answer's first would complete.
    for (const id of [1, 2, 3, 4]) {
      const forged = Buffer.from([0x30, 0x0d, 2, 1, id, 0x61, 8, 10, 1, 0, 4, 0, 4, 1])
      const at = await listenBehind(forged, refused)
      const deadline = performance.now() + 3000
      const connection = await openConnection(at, { authorities: cert, deadline })
      await expect(connection.bind('uid=alice,dc=x', 'wrong', deadline)).rejects.toMatchObject({ code: 49 })
      connection.close()
    }
  })

  it('is the end where the server does not know it: nothing goes there in clear', async () => {
    const heard: Buffer[] = []
    const at = await listen((socket) =>
      socket.on('data', (request) => {
        heard.push(request)
        socket.write(success(idOf(request), 0x78, 2))
      }),
    )
    expect(await check({ ...at, security: 'starttls' }, cert)).toMatchObject({ reason: 'unavailable' })
    expect(Buffer.concat(heard).toString('latin1')).not.toMatch(/alice/)
  })

  it('is said again on each connection: none is opened in clear behind our back', async () => {
    const at = await listenBehind(Buffer.alloc(0), (request) => success(idOf(request), 0x61))
    const deadline = performance.now() + 3000
    const connection = await openConnection(at, { authorities: cert, deadline })
    await connection.bind('uid=alice,dc=x', 'right', deadline)
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => setTimeout(resolve, 50))
    await expect(connection.bind('uid=alice,dc=x', 'right', deadline)).rejects.toThrow(/lost: closed/)
    await expect(connection.search('dc=x', {}, deadline)).rejects.toThrow(/lost: closed/)
  })
})
