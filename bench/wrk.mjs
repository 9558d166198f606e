import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pause, run } from './processes.mjs'
import { closedConnections, processorTime } from './usage.mjs'

const scripts = join(dirname(fileURLToPath(import.meta.url)), 'load')

/** Connections that every server is loaded with. */
export const connections = 64

/**
 * What one run under load came to.
 * @typedef {object} Run
 * @property {number} requests answered
 * @property {number} seconds
 * @property {number} failed answers of 400 and above, and broken connections
 * @property {number} [p99] milliseconds
 * @property {number} [closed] TCP connections of the server that ended, wrk's own among them
 * @property {number} [processor] microseconds of processor time that the server used
 */

/**
 * Loads a server with wrk, one thread and 64 connections unless told otherwise, and waits until it is at rest again.
 * @param {{ port: number, ports?: readonly number[], pids: () => readonly number[] }} target `ports`: over which it talks,
 *   where there is more than its own; `pids`: whose processor time counts
 * @param {{ script: string, args: readonly string[], connections?: number }} load a file of load/ and what it is given
 * @param {number} seconds
 * @returns {Promise<Run>}
 */
export async function runWrk(
  { port, ports = [port], pids },
  { script, args, connections: atATime = connections },
  seconds,
) {
  const before = processorTime(pids())
  const closedBefore = closedConnections(ports)
  const url = `http://127.0.0.1:${port}/`
  const options = ['-t1', `-c${atATime}`, `-d${seconds}s`, '--timeout', '10s', '-s', join(scripts, script)]
  const output = await run('wrk', [...options, url, '--', ...args])
  const after = processorTime(pids())
  const closed = closedConnections(ports)
  await untilAtRest(pids)
  const found = /^RESULT requests=(\d+) microseconds=(\d+) failed=(\d+) p50=(\d+) p99=(\d+)$/m.exec(output)
  if (!found) throw new Error(`wrk said:\n${output}`)
  const [requests = 0, microseconds = 0, failed = 0, , p99 = 0] = found.slice(1).map(Number)
  return {
    requests,
    seconds: microseconds / 1e6,
    failed,
    p99: p99 / 1000,
    ...(closed === undefined || closedBefore === undefined ? {} : { closed: closed - closedBefore }),
    ...(before === undefined || after === undefined ? {} : { processor: after - before }),
  }
}

/**
 * What was asked for and not waited for still runs: sixty password hashes take both cores for most of a second, at the
 * cost of whoever is measured next.
 */
async function untilAtRest(pids) {
  let last = processorTime(pids())
  for (let look = 0; look < 50; look += 1) {
    await pause(200)
    const now = processorTime(pids())
    // Timers alone take a tick or two.
    if (now === undefined || last === undefined || now - last <= 20_000) return
    last = now
  }
}
