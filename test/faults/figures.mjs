import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from '../../bench/processes.mjs'
import { makeFolder } from '../../bench/site.mjs'
import { host } from './host.mjs'

const generator = join(dirname(fileURLToPath(import.meta.url)), '../../bench/load/open-loop.mjs')

/** Memory that a process has, in MiB. @param {number} pid */
export function memoryOf(pid) {
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1])
  return (pages * 4096) / 1_048_576
}

/** Files and connections that a process has open. @param {number} pid */
export const filesOf = (pid) => readdirSync(`/proc/${pid}/fd`).length

/** Whether a process still runs. @param {number} pid */
export function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/**
 * Good requests at a fixed rate, each timed from when it was due: milliseconds, and how many failed.
 * @param {number} port
 * @param {string} path
 * @param {{ rate?: number, seconds: number }} options
 * @returns {Promise<{ answered: number, failed: number, p50: number, p99: number }>}
 */
export async function measureTraffic(port, path, { rate = 500, seconds }) {
  const file = join(makeFolder('traffic'), 'requests')
  writeFileSync(file, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  return JSON.parse(await run(process.execPath, [generator, String(port), file, String(rate), String(seconds)]))
}

/**
 * Sends bytes and waits for the end: what came, how long it took, and whether the other side ended it.
 * @param {number} port
 * @param {string} bytes
 * @param {{ patience?: number, headers?: boolean }} [options] milliseconds; `headers`: whether the end of the headers will do
 * @returns {Promise<{ status: number, text: string, milliseconds: number, closed: boolean }>}
 */
export function converse(port, bytes, { patience = 10_000, headers = false } = {}) {
  return new Promise((resolve) => {
    const startedAt = performance.now()
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes, 'latin1'))
    let text = ''
    const finish = (closed) => {
      clearTimeout(timer)
      socket.destroy()
      const status = Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0)
      resolve({ status, text, milliseconds: performance.now() - startedAt, closed })
    }
    const timer = setTimeout(finish, patience, false)
    socket.on('data', (chunk) => {
      // What is measured is how it ends, not what it says at length.
      if (text.length < 100_000) text += chunk.toString('latin1')
      if (headers && text.includes('\r\n\r\n')) finish(false)
    })
    socket.on('error', () => {})
    socket.on('close', () => finish(true))
  })
}

/** A GET as text. @param {string} path @param {string} [more] further header lines */
export const get = (path, more = '') => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`

/**
 * Good requests while a program is held up 50 ms in every second: what p99 looks like where somebody has to wait. The control of
 * every p99 that is measured.
 * @param {{ port: number, pid: number }} server
 * @param {string} path
 */
export async function measureHeldUp({ port, pid }, path) {
  const timer = setInterval(() => {
    process.kill(pid, 'SIGSTOP')
    setTimeout(() => process.kill(pid, 'SIGCONT'), 50)
  }, 1000)
  try {
    return await measureTraffic(port, path, { seconds: 4 })
  } finally {
    clearInterval(timer)
    process.kill(pid, 'SIGCONT')
  }
}

/** How late the event loop of a Gatehouse was since this was last asked, p99 in milliseconds. @param {number} port */
export async function readLag(port) {
  const { text } = await converse(port, get('/metrics', 'Connection: close\r\n'))
  return Number(/^gatehouse_event_loop_lag_p99_seconds (\S+)/m.exec(text)?.[1]) * 1000
}
