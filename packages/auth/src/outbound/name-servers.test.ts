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

/** A name server on this machine that has these addresses for every name, and none where there are none. */
async function serveNames(addresses: readonly string[] | 'silent') {
  const socket = createSocket('udp4')
  open.push(socket)
  socket.on('message', (asked, from) => {
    if (addresses === 'silent') return
    // A question of one name: its type stands behind the name's last byte (Spec: RFC 1035 section 4).
    const end = asked.indexOf(0, 12) + 5
    const wanted = asked.readUInt16BE(end - 4) === 1 ? addresses.filter(isIPv4) : []
    const records = wanted.map((address) =>
      Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)]),
    )
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
