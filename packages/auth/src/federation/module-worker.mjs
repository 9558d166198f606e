/**
 * The thread that runs a provider of one's own. Plain JavaScript, since it is loaded by its URL both from source and from a
 * bundle. Imports nothing of Gatehouse; its other end is module-thread.ts.
 *
 * @typedef {import('./module-thread.ts').ModuleStart} ModuleStart
 * @typedef {import('./module-thread.ts').ModuleCall} ModuleCall
 * @typedef {import('./module-thread.ts').ModuleAnswer} ModuleAnswer
 */
import { parentPort, workerData } from 'node:worker_threads'

if (!parentPort) throw new Error('To be run as a worker thread')
// Out of reach of what is run here: it can answer, and say nothing in the name of another call.
const port = parentPort
const { postMessage } = port
/** @param {ModuleAnswer} answer */
const say = (answer) => postMessage.call(port, answer)
const { stringify } = JSON

/** @type {ModuleStart} */
const { url, settings, doors } = workerData

/** @param {unknown} error */
const nameOf = (error) => (error instanceof Error ? String(error.name).slice(0, 100) : 'something that is no Error')

/** @type {Record<string, unknown>} */
let exported = {}
try {
  exported = await import(url)
  say({ id: 0, doors: doors.filter((door) => typeof exported[door] === 'function') })
} catch (error) {
  say({ id: 0, failure: `it could not be loaded: ${nameOf(error)}` })
}

port.on('message', async (/** @type {ModuleCall} */ { id, door, input }) => {
  try {
    const work = exported[door]
    if (typeof work !== 'function') throw new TypeError('no such door')
    // As JSON, so that what comes over is plain data and its size is known before it is read.
    say({ id, text: stringify((await work(input, settings)) ?? null) ?? 'null' })
  } catch (error) {
    say({ id, failure: `it threw ${nameOf(error)}` })
  }
})
