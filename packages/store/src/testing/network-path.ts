import { connect, createServer, type Socket } from 'node:net'

/** A way to a server that can be made to swallow everything, as a cut cable does. */
export interface NetworkPath {
  readonly port: number
  /** From now on nothing arrives, in either direction, and nobody is told. */
  cut(): void
  /** New connections get through again; what was swallowed stays lost. */
  mend(): void
  /** From now on each answer takes so many milliseconds longer. */
  slow(milliseconds: number): void
  /** From now on what is asked says one thing instead of another, which is as long. */
  rewrite(one: string, other: string): void
  /** Ends every connection, as a restart does. */
  breakAll(): void
  close(): Promise<void>
}

/** Opens a port that leads to another one on the loopback interface. */
export async function openNetworkPath(target: number): Promise<NetworkPath> {
  let isCut = false
  let delay = 0
  let rewritten: readonly [one: string, other: string] | undefined
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      let lost = isCut
      from.on('data', (chunk) => {
        lost ||= isCut
        if (lost) return
        if (from === near) to.write(rewritten ? chunk.toString('latin1').replace(...rewritten) : chunk, 'latin1')
        else if (delay === 0) to.write(chunk)
        else setTimeout(() => to.write(chunk), delay)
      })
      from.on('error', () => {})
      from.on('close', () => {
        sockets.delete(from)
        if (!isCut) to.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('No port')
  const breakAll = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: address.port,
    cut: () => {
      isCut = true
    },
    mend: () => {
      isCut = false
    },
    slow: (milliseconds) => {
      delay = milliseconds
    },
    rewrite: (one, other) => {
      rewritten = [one, other]
    },
    breakAll,
    close: () =>
      new Promise((resolve) => {
        breakAll()
        server.close(() => resolve())
      }),
  }
}
