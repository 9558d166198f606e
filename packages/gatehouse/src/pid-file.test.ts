import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { claimPidFile, findRecord, isRunning, recordFileOf } from './pid-file.ts'
import { findProcessStart } from './process-start.ts'
import { createLog } from './telemetry/log.ts'

const log = createLog({ level: 'silent', development: false })
const outcome = { taken: true, waiting: [], problems: [], warnings: [] }

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-pid-'))
  file = join(folder, 'gatehouse.pid')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('a pid file', () => {
  it('names the process, by its id and by when it started', () => {
    claimPidFile(file, process.pid, log)
    expect(readFileSync(file, 'utf8')).toBe(`${process.pid}\n`)
    const record = findRecord(file)
    expect(record && isRunning(record)).toBe(true)
    expect(record && isRunning({ ...record, started: 'another boot/1' })).toBe(false)
    expect(record && isRunning({ ...record, started: undefined })).toBe(false)
  })

  it('is written by nobody else, whatever the umask is', () => {
    const before = process.umask(0)
    try {
      claimPidFile(file, process.pid, log)?.onAsked()
    } finally {
      process.umask(before)
    }
    for (const name of [file, recordFileOf(file)]) expect(statSync(name).mode & 0o777, name).toBe(0o644)
  })

  it('is left to another process that runs, and taken from one that is gone', () => {
    claimPidFile(file, process.ppid, log)
    expect(claimPidFile(file, process.pid, log)).toBeUndefined()
    expect(findRecord(file)?.pid).toBe(process.ppid)
    const record = readFileSync(recordFileOf(file), 'utf8')
    writeFileSync(recordFileOf(file), record.replace(/"started":"[^"]*"/, '"started":"before/1"'))
    expect(claimPidFile(file, process.pid, log)).toBeDefined()
    expect(findRecord(file)?.pid).toBe(process.pid)
  })

  it('is removed by nobody but its owner', () => {
    const ours = claimPidFile(file, process.pid, log)
    rmSync(recordFileOf(file))
    claimPidFile(file, process.ppid, log)
    ours?.remove()
    expect(findRecord(file)?.pid).toBe(process.ppid)
  })

  it('answers a reload for those alone that were asked for before it began', () => {
    const ours = claimPidFile(file, process.pid, log)
    ours?.onAsked()
    const answer = ours?.begin()
    ours?.onAsked()
    answer?.(outcome)
    expect(findRecord(file)).toMatchObject({ asked: 2, answered: 1, outcome })
    // Another worker in the place of the first goes on counting.
    claimPidFile(file, process.pid, log)?.onAsked()
    expect(findRecord(file)).toMatchObject({ asked: 3, answered: 1 })
  })

  it('stays removed, also where a reload was under way', () => {
    const ours = claimPidFile(file, process.pid, log)
    const answer = ours?.begin()
    ours?.remove()
    answer?.(outcome)
    ours?.onAsked()
    expect(readdirSync(folder)).toEqual([])
  })
})

describe('the start of a process', () => {
  it('is known while it runs, also of one that another user has, and of none that is not there', () => {
    expect(findProcessStart(1)).toMatch(/\/\d+$/)
    expect(findProcessStart(4_194_305)).toBeUndefined()
  })
})
