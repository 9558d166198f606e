import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createOutbound, type Outbound } from '../outbound/outbound.ts'
import { createBreachedPasswords } from './breached-passwords.ts'

const known = 'hunter-of-lost-umbrellas'
const unknown = 'a meadow of foxgloves'
const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex').toUpperCase()

let folder: string
let outbound: Outbound
let failures: number
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'breached-'))
  outbound = createOutbound({ allowLoopback: true })
  failures = 0
})
afterEach(() => {
  outbound.close()
  rmSync(folder, { recursive: true })
})
const onFailure = (): void => {
  failures += 1
}
const fromFile = (path: string) => createBreachedPasswords({ outbound, onFailure }, { kind: 'file', path })

describe('a list of breached passwords', () => {
  it.each([1, 3, 2000, 40_000])('is searched in a sorted file of %i hashes', async (size) => {
    const hashes = Array.from({ length: size - 1 }, (_, index) => sha1(`other-${index}`))
    const lines = [...hashes, sha1(known)].sort().map((hash, index) => `${hash}:${index + 1}`)
    const path = join(folder, 'list.txt')
    writeFileSync(path, `${lines.join('\n')}\n`)
    const list = fromFile(path)
    expect(await list.includes(known)).toBe(true)
    expect(await list.includes(unknown)).toBe(false)
    for (const index of [0, 1, Math.floor(size / 2), size - 2].filter((one) => one >= 0 && one < size - 1)) {
      expect(await list.includes(`other-${index}`), `other-${index}`).toBe(true)
    }
    expect(failures).toBe(0)
  })

  it('finds the first and the last line, with the line ends of other systems and in small letters', async () => {
    const texts = Array.from({ length: 3000 }, (_, index) => `other-${index}`).sort((a, b) =>
      sha1(a) < sha1(b) ? -1 : 1,
    )
    const path = join(folder, 'list.txt')
    writeFileSync(path, texts.map((text) => sha1(text).toLowerCase()).join('\r\n'))
    const list = fromFile(path)
    expect(await list.includes(texts[0] ?? '')).toBe(true)
    expect(await list.includes(texts.at(-1) ?? '')).toBe(true)
  })

  it('is searched in a folder with a file for each prefix', async () => {
    const hash = sha1(known)
    writeFileSync(join(folder, `${hash.slice(0, 5)}.txt`), `${'0'.repeat(35)}:2\n${hash.slice(5)}:7\n`)
    const list = fromFile(folder)
    expect(await list.includes(known)).toBe(true)
    expect(failures).toBe(0)
    // A file that is not there: nothing can be said of its passwords.
    expect(await list.includes(unknown)).toBe(false)
    expect(failures).toBe(1)
  })

  it('is no reason to refuse where it cannot be read', async () => {
    const list = fromFile(join(folder, 'nowhere.txt'))
    expect(await list.includes(known)).toBe(false)
    expect(failures).toBe(1)
  })
})

describe('an address that knows them', () => {
  let server: Server
  let asked: string[]
  let answer: { readonly status: number; readonly type: string; readonly body: string; readonly delay?: number }
  beforeEach(async () => {
    asked = []
    const padding = `${'A'.repeat(35)}:0`
    answer = { status: 200, type: 'text/plain', body: `${padding}\r\n${sha1(known).slice(5)}:42\r\n` }
    server = createServer((request, response) => {
      asked.push(request.url ?? '')
      setTimeout(() => {
        response.writeHead(answer.status, { 'content-type': answer.type }).end(answer.body)
      }, answer.delay ?? 0)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  })
  afterEach(() => server.close())
  const list = (path = '/range') => {
    const { port } = server.address() as AddressInfo // it listens at a port
    return createBreachedPasswords({ outbound, onFailure }, { kind: 'url', url: `http://127.0.0.1:${port}${path}` })
  }

  it.each(['/range', '/range/'])('is told five letters and no more: %s', async (path) => {
    expect(await list(path).includes(known)).toBe(true)
    expect(asked).toEqual([`/range/${sha1(known).slice(0, 5)}`])
    expect(failures).toBe(0)
  })

  it('knows a password by its whole hash, and not by padding', async () => {
    expect(await list().includes(unknown)).toBe(false)
    answer = { ...answer, body: `${sha1(known).slice(5)}:0` }
    expect(await list().includes(known)).toBe(false)
    expect(failures).toBe(0)
  })

  it.each([
    ['an error', { status: 503 }],
    ['something else', { type: 'text/html' }],
    ['a second too late', { delay: 1500 }],
    ['far too much', { body: 'A'.repeat(300_000) }],
  ])('is passed over where it answers with %s, and that is counted', async (_, other) => {
    answer = { ...answer, ...other }
    const started = performance.now()
    expect(await list().includes(known)).toBe(false)
    expect(performance.now() - started).toBeLessThan(1400)
    expect(failures).toBe(1)
  })
})
