import { createServer, type Server } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { explainFailure } from './explain-failure.ts'
import { createOutbound, type Outbound, type OutboundRequest } from './outbound.ts'
import { OutboundError } from './outbound-error.ts'

const request: OutboundRequest = { accept: [], limitBytes: 0, timeoutMs: 500 }
let outbound: Outbound
let server: Server | undefined
afterEach(() => {
  outbound.close()
  server?.close()
})

/** What is said of a request, and what it says by itself. */
async function explain(url: string, asked: OutboundRequest = request): Promise<string> {
  const error: unknown = await outbound.fetch(url, asked).catch((caught: unknown) => caught)
  // Whoever chose the address hears nothing of it.
  expect(error).toHaveProperty('message', 'the document could not be fetched')
  return explainFailure(error)
}

const unreached = (code: string, syscall = 'connect') =>
  explainFailure(new OutboundError('unreachable', Object.assign(new Error(`secret ${code}`), { code, syscall })))

describe('what went wrong at another server', () => {
  it('is said of addresses that may not be asked', async () => {
    outbound = createOutbound({ allowLoopback: false })
    expect(await explain('https://10.1.2.3/')).toMatch(/^refused: private network, .* private_network: true/)
    expect(await explain('https://169.254.169.254/')).toMatch(/^refused: neither a public address/)
    expect(await explain('https://169.254.169.254/', { ...request, allowsPrivate: true })).toMatch(/^refused: neither/)
    expect(await explain('http://192.0.2.1/')).toBe('refused: not an https URL')
  })

  it('is said of connections', async () => {
    outbound = createOutbound({ allowLoopback: true })
    expect(await explain('http://127.0.0.1:1/')).toBe('connection refused')
    expect(await explain('http://10.1.2.3/')).toBe('refused: http is for this machine alone')
    const sockets: { destroy(): void }[] = []
    let isMute = true
    server = createServer((socket) => {
      sockets.push(socket)
      socket.on('error', () => {})
      if (!isMute) socket.destroy()
    })
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number } // TCP
    expect(await explain(`http://127.0.0.1:${port}/`)).toBe('timed out: no answer')
    expect(await explain(`https://127.0.0.1:${port}/`)).toBe('timed out: no connection')
    isMute = false
    expect(await explain(`http://127.0.0.1:${port}/`)).toBe('connection ended without an answer')
    for (const socket of sockets) socket.destroy()
  })

  it('is said of names and certificates, by codes and never by what somebody sent', () => {
    expect(unreached('ENOTFOUND', 'queryA')).toBe('name not found')
    expect(unreached('ESERVFAIL', 'queryA')).toBe('name not found: its name servers do not say (ESERVFAIL)')
    expect(unreached('ECONNREFUSED', 'queryA')).toBe('name not found: its name servers do not say (ECONNREFUSED)')
    expect(unreached('ERR_TLS_CERT_ALTNAME_INVALID')).toBe('certificate not accepted (ERR_TLS_CERT_ALTNAME_INVALID)')
    expect(unreached('UNABLE_TO_VERIFY_LEAF_SIGNATURE')).toMatch('certificate not accepted')
    expect(unreached('EHOSTUNREACH')).toBe('not reached (EHOSTUNREACH)')
    const both = new AggregateError([Object.assign(new Error('first'), { code: 'ECONNREFUSED' })])
    expect(explainFailure(new OutboundError('unreachable', both))).toBe('connection refused')
  })

  it('is found out by the names of this machine where whoever names it may be private', async () => {
    outbound = createOutbound({ allowLoopback: false })
    expect(await explain('https://localhost:1/', { ...request, allowsPrivate: true })).toBe('connection refused')
  })
})
