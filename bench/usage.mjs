import { readdirSync, readFileSync } from 'node:fs'

/** Clock ticks per second in which Linux counts processor time. */
const ticksPerSecond = 100

/** TIME_WAIT as /proc/net/tcp writes it. */
const closed = '06'

/** Whether this system tells what processes use. */
export const isMeasured = process.platform === 'linux'

/**
 * Processor time that processes, with all their threads, have used so far, in microseconds. One tick is 10 ms: measure
 * over seconds. `undefined` where the system does not say.
 * @param {readonly number[]} pids
 */
export function processorTime(pids) {
  if (!isMeasured) return undefined
  return pids.reduce((sum, pid) => {
    const fields = statOf(pid)
    return fields ? sum + ((fields.user + fields.system) * 1e6) / ticksPerSecond : sum
  }, 0)
}

/**
 * Starts to watch what other programs do; the answer tells how many cores they, and other guests of the same hardware,
 * have used on average since. `undefined` where the system does not say.
 */
export function watchOthers() {
  if (!isMeasured) return () => undefined
  const startedAt = performance.now()
  const before = othersTime()
  return () => (othersTime() - before) / 1000 / (performance.now() - startedAt)
}

/**
 * Microseconds of all programs without ours and what we have started, whether it still runs or not. Interrupts count:
 * what they do for a connection is charged to the process that they interrupt, a quarter of a core under load.
 */
function othersTime() {
  const line = /^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? ''
  const [user = 0, nice = 0, system = 0, , , interrupts = 0, soft = 0, steal = 0] = line.split(' ').map(Number)
  const ours = processTree(process.pid).reduce((sum, pid) => sum + (statOf(pid)?.withEnded ?? 0), 0)
  return ((user + nice + system + interrupts + soft + steal - ours) * 1e6) / ticksPerSecond
}

/** A process and all below it. @param {number} root */
export function processTree(root) {
  if (!isMeasured) return [root]
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), parent: statOf(Number(name))?.parent }))
  const found = [root]
  for (const pid of found) for (const entry of parents) if (entry.parent === pid) found.push(entry.pid)
  return found
}

/**
 * TCP connections from or to these ports that were closed within the last minute. By port, since what other programs of
 * the machine open is nobody's fault here. `undefined` where the system does not say.
 * @param {readonly number[]} ports
 */
export function closedConnections(ports) {
  if (!isMeasured) return undefined
  const endings = ports.map((port) => `:${port.toString(16).toUpperCase().padStart(4, '0')}`)
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = '', remote = '', state]) => {
      return state === closed && endings.some((ending) => local.endsWith(ending) || remote.endsWith(ending))
    }).length
}

/**
 * Resident memory of a process in megabytes (10^6 bytes): now and at the most so far.
 * @param {number} pid
 */
export function residentMemory(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const megabytes = (name) => (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024) / 1e6
  return { now: megabytes('VmRSS'), most: megabytes('VmHWM') }
}

function statOf(pid) {
  try {
    // The name in parentheses may hold spaces; what follows it does not.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    const [user = 0, system = 0, endedUser = 0, endedSystem = 0] = fields.slice(11, 15).map(Number)
    return { parent: Number(fields[1]), user, system, withEnded: user + system + endedUser + endedSystem }
  } catch {
    return undefined
  }
}
