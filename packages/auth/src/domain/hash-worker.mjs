/**
 * The thread that computes password hashes, one after the other. Plain JavaScript, since it is loaded by its URL both from source
 * and from a bundle. Imports nothing of Gatehouse; its other end is hash-workers.ts.
 *
 * @typedef {import('./hash-workers.ts').HashJob} HashJob
 * @typedef {import('./hash-workers.ts').HashAnswer} HashAnswer
 */
import { pbkdf2Sync, scryptSync, timingSafeEqual } from 'node:crypto'
import { getPriority, setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'

if (!parentPort) throw new Error('To be run as a worker thread')
const port = parentPort

/** The nice value of this thread: the loop that answers requests comes first, a hash takes what is left. */
const niceness = 15

// Linux gives each thread a priority of its own; elsewhere this would slow the whole process.
if (process.platform === 'linux') {
  try {
    if (getPriority() < niceness) setPriority(niceness)
  } catch {
    // Forbidden here: hashes are as right at the priority of everything else.
  }
}

/** @param {Uint8Array} one @param {Uint8Array} other */
const isSame = (one, other) => one.length === other.length && timingSafeEqual(one, other)

/** A PHC string for a new hash, or whether the password is that of a known one. @param {HashJob} job */
async function compute(job) {
  const { password } = job
  switch (job.kind) {
    case 'make':
      return (await import('@node-rs/argon2')).hashSync(password, job.options)
    case 'argon2':
      return (await import('@node-rs/argon2')).verifySync(job.hash, password)
    case 'bcrypt':
      return (await import('@node-rs/bcrypt')).verifySync(password, job.hash)
    case 'scrypt':
      return isSame(scryptSync(password, job.salt, job.expected.length, job.cost), job.expected)
    case 'pbkdf2':
      return isSame(pbkdf2Sync(password, job.salt, job.iterations, job.expected.length, job.digest), job.expected)
  }
}

/** Wipes the password once it is done with it. @param {HashJob} job @returns {Promise<HashAnswer>} */
async function answer(job) {
  try {
    return { result: await compute(job) }
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) }
  } finally {
    job.password.fill(0)
  }
}

port.on('message', async (/** @type {readonly HashJob[]} */ jobs) => {
  const answers = []
  for (const job of jobs) answers.push(await answer(job))
  port.postMessage(answers)
})
