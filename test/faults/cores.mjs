import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

/** Puts a process and all of its threads on a core; false where that cannot be. */
function pin(pid, cores) {
  try {
    execFileSync('taskset', ['-a', '-c', '-p', cores, String(pid)], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/**
 * Gives Gatehouse the first core for itself, and leaves the others to this program and whatever it starts from now on: services and
 * clients stand for other machines, and what they wait for each other must not count as Gatehouse’s time.
 * @param {number} pid Gatehouse’s
 * @returns {boolean} whether it could be done: it takes two cores and `taskset`
 */
export function keepApart(pid) {
  const cores = availableParallelism()
  return cores > 1 && pin(process.pid, `1-${cores - 1}`) && pin(pid, '0')
}
