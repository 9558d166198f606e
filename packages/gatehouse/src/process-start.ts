import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

/**
 * What tells a process from any other that has had its id, before or after: the boot of the machine and the moment at which
 * the process started. `undefined` where there is no such process, or where the system does not say. Read from /proc on Linux,
 * else asked of `ps`.
 */
export function findProcessStart(pid: number): string | undefined {
  return existsSync('/proc/self/stat') ? readProc(pid) : askPs(pid)
}

function readProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name of the program stands in brackets, and may have blanks and brackets of its own. The start is field 22.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
    return ticks && `${readBoot()}/${ticks}`
  } catch {
    return undefined
  }
}

function readBoot(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return ''
  }
}

function askPs(pid: number): string | undefined {
  try {
    const answer = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 2000,
    })
    return answer.trim() || undefined
  } catch {
    return undefined
  }
}
