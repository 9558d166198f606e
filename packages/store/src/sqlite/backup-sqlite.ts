import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'

/** A copy that could not be made, for a reason that lies with the copy and not with the database. */
export class CopyError extends Error {
  /** The code of the system or of SQLite; `EEXIST`: there is such a file. */
  readonly code: string
  /** The file that is meant. */
  readonly path: string

  constructor(path: string, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.name = 'CopyError'
    this.code = codeOf(cause)
    this.path = path
  }
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '')

/** What SQLite says of the database that it reads, also while it writes the copy. */
const ofDatabase = /^SQLITE_(?:CORRUPT|NOTADB|BUSY|LOCKED)/

/** File systems without hard links (FAT, some network shares) say so by one of these. */
const withoutLinks = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'])

/**
 * Copies a SQLite database, as it is at one moment, into a new file that nobody else may read; others go on writing meanwhile.
 * Returns its size in bytes once it is on the disk. The file gets its name when it is complete: a process that is killed before
 * leaves `<to>.<its id>.part`. Throws {@link CopyError} for what is wrong with the copy, also where there is such a file already,
 * and what SQLite throws for what is wrong with the database. Cost: reads all, about a second for 400 MB.
 */
export function backupSqlite(from: string, to: string): number {
  const part = `${to}.${process.pid}.part`
  const connection = new Database(from, { fileMustExist: true, timeout: 10_000 })
  try {
    // Only reading opens the database itself.
    connection.pragma('schema_version')
    writing(to, () => refuseExisting(to))
    writing(part, () => closeSync(openSync(part, 'wx', 0o600)))
    try {
      writing(to, () => {
        // SQLite fills a file that is empty; made above, since it has to be new and private.
        connection.prepare('vacuum into ?').run(part)
        sync(part)
        giveName(part, to)
        sync(dirname(to))
      })
    } finally {
      for (const path of [part, `${part}-journal`]) removeIfPossible(path)
    }
    return statSync(to).size
  } finally {
    connection.close()
  }
}

/** Before the copy is made, which takes a while; {@link giveName} is what decides. */
function refuseExisting(to: string): void {
  const found = statSync(to, { throwIfNoEntry: false })
  if (found) throw Object.assign(new Error('there is such a file'), { code: 'EEXIST' })
}

/** Gives the complete copy its name, where nothing else has it. */
function giveName(part: string, to: string): void {
  try {
    linkSync(part, to)
  } catch (error) {
    if (!withoutLinks.has(codeOf(error))) throw error
    closeSync(openSync(to, 'wx', 0o600))
    renameSync(part, to)
  }
}

/** What is left is in nobody's way; what went wrong before tells more. */
function removeIfPossible(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {}
}

/** Runs what writes the copy. */
function writing(path: string, run: () => void): void {
  try {
    run()
  } catch (error) {
    throw ofDatabase.test(codeOf(error)) ? error : new CopyError(path, error)
  }
}

/** SQLite itself does not wait for the disk here. */
function sync(path: string): void {
  const opened = openSync(path, 'r')
  try {
    fsyncSync(opened)
  } finally {
    closeSync(opened)
  }
}
