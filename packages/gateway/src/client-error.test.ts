import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { createClientErrorHandler } from './client-error.ts'
import { serverOptions } from './server-options.ts'

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

  it('are served nothing and told once where their headers come while they wait to be told', async () => {
    let served = 0
    const server = createServer({ ...serverOptions, headersTimeout: 200 }, (_request, response) => {
      served += 1
      response.end('served')
    })
    server.on('upgrade', (_request, socket) => {
      served += 1
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const open = async (more: string): Promise<Socket> => {
      const socket = connect(port, '127.0.0.1', () => socket.write(`GET / HTTP/1.1\r\nHost: x\r\n${more}`))
      socket.on('error', () => undefined)
      await new Promise((resolve) => socket.once('connect', resolve))
      return socket
    }
    // Those before them take the first turns.
    const others = await Promise.all(Array.from({ length: 80 }, () => open('')))
    const late = [await open(''), await open('Connection: Upgrade\r\nUpgrade: websocket\r\n')]
    const came = late.map(async (socket) => {
      const chunks: Buffer[] = []
      for await (const chunk of socket) chunks.push(chunk)
      return Buffer.concat(chunks).toString()
    })
    const handle = createClientErrorHandler()
    server.on('clientError', (error, socket) => {
      for (const one of late) if (one.localPort === (socket as Socket).remotePort) one.write('\r\n')
      handle(error, socket)
    })
    for (const text of await Promise.all(came)) expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 408'])
    expect(served).toBe(0)
    for (const socket of others) socket.destroy()
    server.close()
  })

  it('are cut without a word where an earlier request still waits for its answer, which it would be taken for', async () => {
    let served = 0
    const server = createServer({ ...serverOptions, headersTimeout: 200 }, () => {
      served += 1
    })
    server.on('clientError', createClientErrorHandler())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const socket = connect(port, '127.0.0.1', () =>
      socket.write('GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n'),
    )
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => undefined)
    await new Promise((resolve) => socket.once('close', resolve))
    expect(served).toBe(1)
    expect(Buffer.concat(chunks).toString()).toBe('')
    server.close()
  })

  it('are told of anything else at once: what could not be read must not be read on', () => {
    expect(failTogether('HPE_INVALID_METHOD', 20).answered()).toBe(20)
  })
})
