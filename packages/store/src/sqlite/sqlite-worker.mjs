/**
 * The thread that owns the SQLite connection. Plain JavaScript, since it is loaded by its URL both from source and from
 * a bundle. Imports nothing of Gatehouse.
 *
 * @typedef {{ code: string, message: string }} Failure
 * @typedef {unknown[] | number | Failure} Outcome rows, or the number of changes, or why the statement failed
 * @typedef {object} Work
 * @property {number} id
 * @property {(string | number | [number, string])[]} sql one statement each: its text, its number, or both where it gets one
 * @property {unknown[][]} parameters
 * @property {boolean} transaction whether this belongs to an explicit transaction
 * @property {'immediate' | 'exclusive' | undefined} begin opens it
 * @property {'commit' | 'rollback' | undefined} end closes it
 */
import { parentPort, workerData } from 'node:worker_threads'
import Database from 'better-sqlite3'

const cachedStatements = 256
// Errors after which nothing of the transaction can be relied on, whatever SQLite still says of it.
const fatal = /^SQLITE_(FULL|IOERR|NOMEM|CORRUPT|NOTADB|READONLY|CANTOPEN|BUSY|LOCKED)/
// Errors of those alone that write: what only reads can be run all the same.
const ofWrites = /^SQLITE_(FULL|IOERR|READONLY|BUSY)/

if (!parentPort) throw new Error('To be run as a worker thread')
const port = parentPort
/** @type {{ openingPatience: number, tryTime: number }} in milliseconds */
const { openingPatience, tryTime } = workerData
/** What comes first says which file it is. @type {{ path: string } | 'close'} */
const first = await new Promise((resolve) => port.once('message', resolve))
if (first === 'close') process.exit(0)

/** Says why a file cannot be opened, and ends: an error that is thrown here arrives without its words. @param {string} path */
function open(path) {
  try {
    const opened = new Database(path, { timeout: openingPatience })
    opened.pragma('journal_mode = WAL')
    opened.pragma('synchronous = FULL')
    opened.pragma('foreign_keys = ON')
    opened.pragma('trusted_schema = OFF')
    opened.pragma('temp_store = MEMORY')
    opened.pragma('cache_size = -16000')
    opened.pragma(`busy_timeout = ${tryTime}`)
    return opened
  } catch (error) {
    port.postMessage({ id: 0, failure: describe(error) })
    return process.exit(1)
  }
}

const connection = open(first.path)

const begins = {
  immediate: connection.prepare('BEGIN IMMEDIATE'),
  exclusive: connection.prepare('BEGIN EXCLUSIVE'),
}
const commit = connection.prepare('COMMIT')
const rollback = connection.prepare('ROLLBACK')
const countChanges = connection.prepare('SELECT total_changes()').pluck()
/** The count of changes since which nothing was committed; undefined where what was written last is on the disk. @type {unknown} */
let changesAtFailure

/** @typedef {import('better-sqlite3').Statement<unknown[]>} Statement */
/** @type {Map<string, Statement>} least recently used first */
const statements = new Map()
/** The hot ones, by number: as many as Gatehouse has defined. A text until it is first run. @type {(string | Statement)[]} */
const numbered = []
/** The lock that was met last, and when. @type {{ error: unknown, at: number } | undefined} */
let lock

/** Throws what SQLite says of a statement that it cannot make sense of. @param {Work['sql'][number]} sql @returns {Statement} */
function prepare(sql) {
  if (typeof sql === 'string') return prepareText(sql)
  const number = typeof sql === 'number' ? sql : sql[0]
  const known = numbered[number]
  if (typeof known === 'object') return known
  if (known === undefined) throw new Error(`Statement ${number} was never sent`)
  const statement = connection.prepare(known)
  numbered[number] = statement
  return statement
}

/** Notes the texts of statements that come with a number, whatever becomes of this message. @param {Work} work */
function learn({ sql }) {
  for (const one of sql) if (typeof one === 'object') numbered[one[0]] = one[1]
}

/** @param {string} sql */
function prepareText(sql) {
  const known = statements.get(sql)
  if (known) {
    statements.delete(sql)
    statements.set(sql, known)
    return known
  }
  const statement = connection.prepare(sql)
  statements.set(sql, statement)
  if (statements.size > cachedStatements) {
    const [oldest] = statements.keys()
    if (oldest !== undefined) statements.delete(oldest)
  }
  return statement
}

/** @param {unknown} error @returns {Failure} */
function describe(error) {
  const message = error instanceof Error ? error.message : String(error)
  return { code: error instanceof Database.SqliteError ? error.code : 'ERROR', message }
}

/**
 * Opens a transaction. Nobody waits for a lock again that was met a moment ago: those who only read have their turn, however
 * many want to write. @param {'immediate' | 'exclusive'} kind
 */
function begin(kind) {
  if (lock !== undefined) {
    if (performance.now() - lock.at < tryTime) throw lock.error
    lock = undefined
  }
  try {
    begins[kind].run()
  } catch (error) {
    if (describe(error).code.startsWith('SQLITE_BUSY')) lock = { error, at: performance.now() }
    throw error
  }
}

/** @param {Work['sql'][number]} sql @param {unknown[]} parameters @returns {Outcome} */
function runOne(sql, parameters) {
  const statement = prepare(sql)
  return statement.reader ? statement.all(...parameters) : statement.run(...parameters).changes
}

/** @param {Work['sql'][number]} sql */
function writes(sql) {
  try {
    return !prepare(sql).readonly
  } catch {
    // It fails, or is prepared once what comes before it has run, when its turn comes.
    return true
  }
}

/** Throws only what fails the whole transaction. @param {Work} work */
function runAll({ sql, parameters }) {
  let failures = 0
  const outcomes = sql.map((text, index) => {
    try {
      return runOne(text, parameters[index] ?? [])
    } catch (error) {
      const failure = describe(error)
      if (fatal.test(failure.code)) throw error
      failures += 1
      return failure
    }
  })
  return { outcomes, failures }
}

/** Statements of one tick: one transaction if any of them writes, answered after its COMMIT. @param {Work} work */
function runBatch(work) {
  if (!work.sql.some(writes)) return runAll(work).outcomes
  begin('immediate')
  const { outcomes } = runAll(work)
  // A failed statement that took the transaction with it must not be followed by an acknowledgement of the others.
  if (!connection.inTransaction) throw new Error('SQLite ended the transaction')
  commit.run()
  return outcomes
}

/** Runs what only reads of statements of one tick, whose writes have failed together. @param {Work} work @param {Failure} failure */
function runReads({ sql, parameters }, failure) {
  return sql.map((text, index) => {
    if (writes(text)) return failure
    try {
      return runOne(text, parameters[index] ?? [])
    } catch (error) {
      return describe(error)
    }
  })
}

/** Ends a transaction without its changes, which SQLite goes on counting; so does one that SQLite has ended by itself. */
function rollBack() {
  if (connection.inTransaction) rollback.run()
  if (changesAtFailure !== undefined) changesAtFailure = countChanges.get()
}

/** @param {Work} work */
function runInTransaction(work) {
  if (work.begin) begin(work.begin)
  if (work.end === 'rollback') {
    rollBack()
    return []
  }
  if (!connection.inTransaction) throw new Error('The transaction has ended')
  const { outcomes, failures } = runAll(work)
  if (!connection.inTransaction) throw new Error('SQLite ended the transaction')
  if (work.end === 'commit') {
    if (failures > 0) throw new Error('A statement of the transaction failed')
    commit.run()
  }
  return outcomes
}

port.on('message', (/** @type {Work | 'close'} */ work) => {
  if (work === 'close') {
    connection.close()
    port.close()
    return
  }
  try {
    learn(work)
    const outcomes = work.transaction ? runInTransaction(work) : runBatch(work)
    // A transaction that changes nothing succeeds on a full disk too.
    const wroteAgain =
      changesAtFailure !== undefined && !connection.inTransaction && countChanges.get() !== changesAtFailure
    if (wroteAgain) changesAtFailure = undefined
    port.postMessage({ id: work.id, outcomes, wroteAgain })
  } catch (error) {
    const failure = describe(error)
    try {
      rollBack()
      if (fatal.test(failure.code)) changesAtFailure = countChanges.get()
    } catch {
      // The first error is the one that tells something.
    }
    const goesOn = !work.transaction && ofWrites.test(failure.code)
    port.postMessage({ id: work.id, failure, ...(goesOn && { outcomes: runReads(work, failure) }) })
  }
})

port.postMessage({ id: 0, outcomes: [] })
