import { createSocket, type Socket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { type AddressInfo, isIPv4 } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { askNameServers } from './name-servers.ts'

const open: Socket[] = []
afterEach(() => {
  for (const socket of open.splice(0)) socket.close()
})

/** Types of questions. Spec: RFC 1035 section 3.2.2, RFC 3596 section 2.1. */
const questions = { a: 1, aaaa: 28 }
/** The bytes of an address; of IPv6 those that are spelled in full alone. */
const bytesOf = (address: string): readonly number[] =>
  isIPv4(address) ? address.split('.').map(Number) : [...Buffer.from(address.replaceAll(':', ''), 'hex')]

/** A name server on this machine that has these addresses for every name, and none where there are none. */
async function serveNames(
  addresses: readonly string[] | 'silent',
  { silentOn, losesFirst }: { readonly silentOn?: number; readonly losesFirst?: number } = {},
) {
  const socket = createSocket('udp4')
  open.push(socket)
  let toLose = losesFirst
  socket.on('message', (asked, from) => {
    if (addresses === 'silent') return
    // A question of one name: its type stands behind the name's last byte (Spec: RFC 1035 section 4).
    const end = asked.indexOf(0, 12) + 5
    const type = asked.readUInt16BE(end - 4)
    if (type === silentOn) return
    if (type === toLose) {
      toLose = undefined
      return
    }
    const isWanted = (address: string): boolean => isIPv4(address) === (type === questions.a)
    const records = addresses.filter(isWanted).map((address) => {
      const bytes = bytesOf(address)
      return Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, bytes.length, ...bytes])
    })
    const head = Buffer.from([
      asked[0] ?? 0,
      asked[1] ?? 0,
      0x81,
      records.length > 0 ? 0x80 : 0x83,
      0,
      1,
      0,
      records.length,
      0,
      0,
      0,
      0,
    ])
    socket.send(Buffer.concat([head, asked.subarray(12, end), ...records]), from.port, from.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return [`127.0.0.1:${(socket.address() as AddressInfo).port}`]
}
const never = new AbortController().signal

describe('a name', () => {
  it('has the addresses that a name server says', async () => {
    const servers = await serveNames(['192.0.2.1', '192.0.2.2'])
    const found = await askNameServers('client.example', never, servers)
    expect(new Set(found)).toEqual(
      new Set([
        { address: '192.0.2.1', family: 4 },
        { address: '192.0.2.2', family: 4 },
      ]),
    )
  })

  const six = '2001:0db8:0000:0000:0000:0000:0000:0001'
  const [fourAddress, sixAddress] = [
    { address: '192.0.2.1', family: 4 },
    { address: '2001:db8::1', family: 6 },
  ]
  it.each([
    ['IPv6', questions.aaaa, fourAddress],
    ['IPv4', questions.a, sixAddress],
  ])('whose servers never answer for %s has its other addresses, soon', async (_, silentOn, left) => {
    const servers = await serveNames(['192.0.2.1', six], { silentOn })
    const started = performance.now()
    // The whole way out has five seconds, and the question that nobody answers takes longer.
    const found = await askNameServers('client.example', AbortSignal.timeout(5000), servers)
    expect(found).toEqual([left])
    expect(performance.now() - started).toBeLessThan(4000)
  })

  it('has its addresses of IPv4 also where the first question for them was lost', async () => {
    const servers = await serveNames(['192.0.2.1', six], { losesFirst: questions.a })
    const found = await askNameServers('client.example', AbortSignal.timeout(5000), servers)
    expect(found).toEqual([fourAddress, sixAddress])
  })

  it('has the addresses of both families where both are answered', async () => {
    expect(await askNameServers('client.example', never, await serveNames(['192.0.2.1', six]))).toEqual([
      fourAddress,
      sixAddress,
    ])
  })

  it('that nobody knows is an error', async () => {
    await expect(askNameServers('client.example', never, await serveNames([]))).rejects.toMatchObject({
      code: 'ENOTFOUND',
    })
  })

  it('that never answers keeps nobody else waiting, however many there are, and ends when it is given up', async () => {
    const servers = await serveNames('silent')
    const controller = new AbortController()
    const asked = Array.from({ length: 50 }, (_, index) =>
      askNameServers(`h${index}.slow.example`, controller.signal, servers).catch((error) => error.code),
    )
    const started = performance.now()
    await lookup('localhost')
    expect(performance.now() - started).toBeLessThan(1000)
    controller.abort()
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['ECANCELLED']))
    expect(performance.now() - started).toBeLessThan(1500)
  })
})
