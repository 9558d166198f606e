import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { expect, it } from 'vitest'
import { until } from './fixtures/client.ts'
import { serverOptions } from './server-options.ts'

it('cuts clients that are slow with their headers a few at a time, and not a second’s worth of them at once', async () => {
  const server = createServer({ ...serverOptions, headersTimeout: 200 })
  /** How many were cut in each turn of the event loop. */
  const turns: number[] = []
  let turn = 0
  server.on('clientError', (_error, socket) => {
    if (turn === 0) {
      setImmediate(() => {
        turns.push(turn)
        turn = 0
      })
    }
    turn += 1
    socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  for (let index = 0; index < 80; index += 1) {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nX: '))
    socket.on('error', () => undefined)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await until(() => turns.reduce((sum, count) => sum + count, 0) === 80)
  expect(turns.length).toBeGreaterThanOrEqual(4)
  server.close()
})
