import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { findClientCertificate } from '@gatehouse/auth/http/client-certificate'
import { buildCertificate } from '@gatehouse/auth/testing/certificates'
import { ManualClock } from '@gatehouse/core/time'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createFrontServer, isTlsServer } from '../server.ts'
import { isCertificateFault, readCertificates } from './certificate-files.ts'
import { type CertificateKeeper, createCertificateKeeper } from './certificate-keeper.ts'
import { buildTlsOptions, replaceCertificates } from './tls-options.ts'

const clock = new ManualClock()
const [first, second] = [
  buildCertificate({ subject: [['CN', 'first']] }),
  buildCertificate({ subject: [['CN', 'second']] }),
]
const authority = buildCertificate({ subject: [['CN', 'Clients']], authority: true })
const robot = buildCertificate({ subject: [['CN', 'robot']], issuer: authority })

let folder: string
const stops: (() => void)[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-tls-'))
})
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
  rmSync(folder, { recursive: true })
})

const at = (name: string): string => join(folder, name)
const write = (name: string, text: string): string => {
  writeFileSync(at(name), text)
  return at(name)
}
const writePair = ({ cert, key }: { cert: string; key: string }) => ({
  cert: write('cert', cert),
  key: write('key', key),
})

/** A front server with these files, and what its log has said. */
async function start(files: Parameters<typeof createCertificateKeeper>[0]['files']) {
  const log: string[] = []
  const keep = (fields: { why?: string }, text: string): void => void log.push(fields.why ?? text)
  const keeper: CertificateKeeper = createCertificateKeeper({
    files,
    clock,
    log: { info: keep as never, error: keep as never }, // the two calls that are made
    onChange: (next) => isTlsServer(server) && replaceCertificates(server, next),
  })
  const server = createFrontServer(
    (incoming, response) => {
      const { authorities } = keeper.current
      const found = findClientCertificate(incoming, {
        isTrustedProxy: () => false,
        header: undefined,
        authorities: authorities.length === 0 ? undefined : { certificates: authorities, clock },
      })
      response.end(JSON.stringify({ shown: found?.certificate.subject, verified: found?.verified }))
    },
    () => {},
    buildTlsOptions(keeper.current, true),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stops.push(keeper.stop, () => server.close().closeAllConnections())
  return { keeper, log, port: (server.address() as AddressInfo).port }
}

/** One request; what was answered, and whose certificate the server showed. */
async function ask(
  port: number,
  options: ConnectionOptions = {},
): Promise<{ server: string; body: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', agent: false, rejectUnauthorized: false, ...options }, (response) => {
      const server = (response.socket as TLSSocket).getPeerCertificate().subject.CN
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => resolve({ server: String(server), body: JSON.parse(text) }))
    })
      .on('error', reject)
      .end()
  })
}

describe('an expired certificate', () => {
  const year = new Date(clock.milliseconds()).getUTCFullYear()
  const expired = buildCertificate({ subject: [['CN', 'expired']], years: [2000, year - 1] })
  const older = buildCertificate({ subject: [['CN', 'older']], years: [2000, year - 2] })

  it('takes the place of no good one, and the log says why, once', async () => {
    const { keeper, log, port } = await start(writePair(first))
    writePair(expired)
    keeper.check()
    keeper.check()
    expect((await ask(port)).server).toBe('first')
    expect(log).toEqual([`its certificate has expired, on ${year - 1}-01-01T00:00:00.000Z`])
    writePair(second)
    keeper.check()
    expect((await ask(port)).server).toBe('second')
  })

  it('keeps no authority that is taken out meanwhile', async () => {
    const { keeper } = await start({ ...writePair(first), authorities: write('authorities', authority.cert) })
    writePair(expired)
    keeper.check()
    expect(keeper.current.authorities).toHaveLength(1)
    const other = buildCertificate({ subject: [['CN', 'Clients']], authority: true })
    write('authorities', other.cert)
    keeper.check()
    expect(keeper.current.authoritiesPem).toBe(other.cert)
    expect(keeper.current.identity?.cert).toBe(first.cert)
  })

  it('is used where there is no good one', async () => {
    const { keeper, port } = await start(writePair(expired))
    expect(keeper.current.identity?.expiresAt).toBe(Date.UTC(year - 1) / 1000)
    writePair(older)
    keeper.check()
    expect((await ask(port)).server).toBe('older')
  })
})

describe('the listener', () => {
  it('speaks TLS 1.2 and 1.3, and HTTP/1.1 alone', async () => {
    const { port } = await start(writePair(first))
    const handshake = (options: ConnectionOptions) =>
      new Promise<string>((resolve) => {
        const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options }, () => {
          resolve(`${socket.getProtocol()} ${socket.alpnProtocol}`)
          socket.destroy()
        })
        socket.on('error', (error) => resolve(String((error as NodeJS.ErrnoException).code)))
      })
    expect(await handshake({ ALPNProtocols: ['h2', 'http/1.1'] })).toBe('TLSv1.3 http/1.1')
    expect(await handshake({ maxVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] })).toBe('TLSv1.2 http/1.1')
    // OpenSSL's own lowest security level, or the client would not even try.
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
    expect(await handshake(old)).toMatch(/^ERR_SSL/)
    expect(await handshake({ ALPNProtocols: ['h2'] })).toMatch(/^ERR_SSL/)
  })

  it('finds the certificate that a client shows, and believes only the named authorities', async () => {
    const withAuthority = await start({ ...writePair(first), authorities: write('authorities', authority.cert) })
    expect((await ask(withAuthority.port)).body).toEqual({})
    expect((await ask(withAuthority.port, robot)).body).toEqual({ shown: 'CN=robot', verified: true })
    expect((await ask(withAuthority.port, second)).body).toEqual({ shown: 'CN=second', verified: false })
    const without = await start(writePair(first))
    expect((await ask(without.port, robot)).body).toEqual({ shown: 'CN=robot', verified: false })
  })

  it('does not bring back a judgement on a certificate when a session is resumed after a change', async () => {
    const files = { ...writePair(first), authorities: write('authorities', authority.cert) }
    const { port, keeper } = await start(files)
    const resume = (session: Buffer | undefined) =>
      new Promise<{ session: Buffer | undefined; resumed: boolean; text: string }>((resolve, reject) => {
        let latest = session
        let text = ''
        let resumed = false
        const known = session === undefined ? {} : { session }
        const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...robot, ...known })
        socket.on('secureConnect', () => {
          resumed = socket.isSessionReused()
        })
        socket.on('session', (given) => {
          latest = given
        })
        socket.on('data', (chunk) => {
          text += chunk
        })
        socket.on('error', reject)
        socket.on('close', () => resolve({ session: latest, resumed, text }))
        socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      })
    const full = await resume(undefined)
    const again = await resume(full.session)
    expect([full.resumed, again.resumed, again.text.includes('"verified":true')]).toEqual([false, true, true])
    write('authorities', buildCertificate({ subject: [['CN', 'Others']], authority: true }).cert)
    keeper.check()
    const later = await resume(again.session)
    expect([later.resumed, later.text.includes('"verified":false')]).toEqual([false, true])
  })
})

describe('changed files', () => {
  it('are taken up for new connections, once both belong together', async () => {
    const { port, log } = await start(writePair(first))
    expect((await ask(port)).server).toBe('first')
    write('cert', second.cert)
    await expect.poll(() => log, { timeout: 5000 }).toEqual([expect.stringContaining('the key of another certificate')])
    expect((await ask(port)).server).toBe('first')
    write('key', second.key)
    await expect.poll(() => log.at(-1), { timeout: 5000 }).toBe('certificates reloaded')
    expect((await ask(port)).server).toBe('second')
  })

  it('are noticed also where a link is turned to another folder, as orchestrators do it', async () => {
    for (const [name, pair] of Object.entries({ first, second })) {
      mkdirSync(at(name))
      writeFileSync(at(`${name}/tls.crt`), pair.cert)
      writeFileSync(at(`${name}/tls.key`), pair.key)
    }
    symlinkSync('first', at('data'))
    for (const file of ['tls.crt', 'tls.key']) symlinkSync(join('data', file), at(file))
    const { port, log } = await start({ cert: at('tls.crt'), key: at('tls.key') })
    symlinkSync('second', at('next'))
    renameSync(at('next'), at('data'))
    await expect.poll(() => log, { timeout: 5000 }).toEqual(['certificates reloaded'])
    expect((await ask(port)).server).toBe('second')
  })

  it('that are bad or gone leave the old ones in use, and are complained of once', async () => {
    const { keeper, log, port } = await start(writePair(first))
    write('cert', 'rubbish')
    keeper.check()
    keeper.check()
    expect(log).toEqual(['expected a PEM certificate, followed by those that vouch for it'])
    unlinkSync(at('cert'))
    keeper.check()
    expect(log[1]).toBe(`${at('cert')} cannot be read`)
    expect((await ask(port)).server).toBe('first')
  })
})

describe('a mistake in the files', () => {
  it.each([
    ['cert', 'a key for the certificate', { cert: first.key, key: first.key }],
    ['key', 'a certificate for the key', { cert: first.cert, key: first.cert }],
    ['key', 'the key of another', { cert: first.cert, key: second.key }],
    ['key', 'the certificates in the wrong order', { cert: second.cert + first.cert, key: first.key }],
    ['cert', 'half a certificate', { cert: first.cert.replace(/\n[^\n]{64}\n/, '\n'), key: first.key }],
    ['authorities', 'one that may not sign others', { authorities: authority.cert + robot.cert }],
    ['authorities', 'no authority at all', { authorities: '' }],
  ])('is found with the file %s: %s', (file, _, texts: { cert?: string; key?: string; authorities?: string }) => {
    const files = Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, write(name, text)]))
    expect(readCertificates(files)).toEqual({ file, message: expect.any(String) })
  })

  it('is a key that is too short for OpenSSL, or needs a passphrase', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 512 })
    const weak = buildCertificate({ subject: [['CN', 'weak']], keys: rsa, issuer: authority })
    expect(readCertificates(writePair(weak))).toMatchObject({ file: 'cert', message: expect.stringMatching(/OpenSSL/) })
    const locked = first.keys.privateKey.export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'x',
    })
    const read = readCertificates(writePair({ cert: first.cert, key: locked.toString() }))
    expect(read).toMatchObject({ file: 'key' })
  })

  it('is none where there are no files at all', () => {
    const read = readCertificates({})
    expect(isCertificateFault(read)).toBe(false)
    expect(read).toMatchObject({ identity: undefined, authorities: [] })
  })
})
