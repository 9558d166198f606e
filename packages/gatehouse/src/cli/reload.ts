import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { loadForUse } from '../configuration/load-for-use.ts'
import { type ConfigurationOptions, withConfiguration } from './open.ts'
import { answer } from './output.ts'

/** `gatehouse reload`: checks the file and tells the running Gatehouse to take it. */
export function addReloadCommand(program: Command): void {
  withConfiguration(program.command('reload'))
    .description('check the configuration file and let the running Gatehouse take it')
    .addHelpText(
      'after',
      '\nA file with a problem is not taken: the old configuration goes on.\n\nExample:\n  $ gatehouse reload --config /etc/gatehouse.yaml\n',
    )
    .action(async (options: ConfigurationOptions) => {
      const { pidFile } = await loadForUse({ file: options.config, development: options.dev ?? false })
      if (pidFile === undefined)
        throw new Error('this configuration has no pid_file; send SIGHUP to the process, or set one')
      const pid = readPid(pidFile)
      signal(pid, pidFile)
      answer(options, { ok: true, pid }, `told process ${pid} to reload`)
    })
}

function signal(pid: number, file: string): void {
  try {
    process.kill(pid, 'SIGHUP')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ESRCH') throw cause // what process.kill throws has a code
    throw new Error(`${file} names process ${pid}, which is gone: Gatehouse does not run on this configuration`)
  }
}

function readPid(file: string): number {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    throw new Error(`${file} is not there: Gatehouse does not run on this configuration`)
  }
  const pid = Number(text.trim())
  if (!Number.isSafeInteger(pid) || pid < 2) throw new Error(`${file} holds no process id`)
  return pid
}
