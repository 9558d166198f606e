import { closeSync, existsSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'

/** Where databases are put: on a disk. The usual folder for temporary files is memory on many systems. */
export const diskFolder = existsSync('/var/tmp') ? '/var/tmp' : tmpdir()

/** Microseconds that the disk takes to keep a page for good, the median of 200: near zero would mean that it does not. */
export function measureFlush() {
  const file = join(diskFolder, `gatehouse-bench-flush-${process.pid}`)
  const handle = openSync(file, 'w')
  const page = Buffer.alloc(4096)
  try {
    const times = Array.from({ length: 200 }, () => {
      writeSync(handle, page)
      const startedAt = performance.now()
      fdatasyncSync(handle)
      return (performance.now() - startedAt) * 1000
    })
    return Math.round(times.sort((one, other) => one - other)[100])
  } finally {
    closeSync(handle)
    rmSync(file)
  }
}

/** What the figures were measured on; nothing that names the machine. */
export const describeMachine = () => ({
  cores: availableParallelism(),
  processor: cpus()[0]?.model.trim() || 'unknown processor',
  memory: `${Math.round(totalmem() / 1e9)} GB`,
  system: `${process.platform} ${process.arch}`,
  node: process.versions.node,
})
