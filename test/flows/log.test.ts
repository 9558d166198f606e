import { type ChildProcess, type StdioOptions, spawn, spawnSync } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createSite, get, root, type Site, waitFor } from './running-program.ts'
import { type Service, startService } from './service.ts'

const host = { host: 'auth.example.com' }
const program = join(root, 'packages/gatehouse/dist/gatehouse.mjs')

let service: Service
beforeAll(async () => {
  service = await startService()
})
afterAll(() => service.close())

let site: Site
const started: ChildProcess[] = []
afterEach(async () => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
  await site.remove()
})

function launch(stdout: 'ignore' | 'pipe' | number, more: NodeJS.ProcessEnv = {}): ChildProcess {
  const stdio = ['ignore', stdout, 'ignore'] as StdioOptions
  const child = spawn(process.execPath, [program, 'serve'], {
    cwd: site.folder,
    env: { ...site.environment, ...more },
    stdio,
  })
  started.push(child)
  return child
}

/** A pipe that is held open at its other end, and not read. */
function launchOnPipe(): { readonly child: ChildProcess; readonly reader: number } {
  const pipe = join(site.folder, 'pipe')
  spawnSync('mkfifo', [pipe])
  const reader = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK)
  const writer = openSync(pipe, 'w')
  const child = launch(writer)
  closeSync(writer)
  return { child, reader }
}

const becomesReady = () => waitFor(async () => (await get(`${site.url}/readyz`).catch(() => undefined))?.status === 200)

/** Refusals, each a line of some 300 bytes. */
async function fillLog(lines: number): Promise<void> {
  for (let count = 0; count < lines; count += 1)
    expect((await get(`${site.url}/things/${count}`, host)).status).toBe(401)
}

/** How a process ended, and after how many milliseconds; undefined after twelve seconds. */
async function ends(child: ChildProcess): Promise<{ code: number | null; milliseconds: number } | undefined> {
  const startedAt = performance.now()
  return new Promise((done) => {
    const late = setTimeout(() => done(undefined), 12_000)
    child.once('exit', (code) => {
      clearTimeout(late)
      done({ code, milliseconds: performance.now() - startedAt })
    })
  })
}

const workersOf = ({ pid }: ChildProcess): string[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean)

const isGone = (pid: string): boolean => {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return true
  }
}

describe('a log that cannot be written', () => {
  it('keeps nobody from being served, nor the process from stopping, and is counted', async () => {
    site = await createSite(service.route('/things/**', 'signed-in'))
    // Every write to this device finds the disk full.
    const full = openSync('/dev/full', 'w')
    const child = launch(full)
    closeSync(full)
    await becomesReady()
    await fillLog(50)
    expect((await get(`${site.url}/livez`)).status).toBe(200)
    const { text } = await get(`${site.url}/metrics`, host)
    expect(Number(/^gatehouse_log_lines_dropped_total (\d+)$/m.exec(text)?.[1])).toBeGreaterThan(50)
    const ended = ends(child)
    child.kill('SIGTERM')
    expect((await ended)?.code).toBe(0)
  })

  describe.each([1, 2])('with nobody to read it, of %i process(es),', (workers) => {
    it('lets a stop end within ten seconds where it is a pipe', async () => {
      site = await createSite(`workers: ${workers}\n${service.route('/things/**', 'signed-in')}`)
      const { child, reader } = launchOnPipe()
      await becomesReady()
      await fillLog(300)
      const left = workersOf(child)
      const ended = ends(child)
      child.kill('SIGTERM')
      const end = await ended
      closeSync(reader)
      expect(end?.code).toBe(0)
      expect(end?.milliseconds).toBeLessThan(10_000)
      expect(left.filter((pid) => !isGone(pid))).toEqual([])
    })

    it('lets a stop end within ten seconds where a write holds its thread for ever', async () => {
      site = await createSite(`workers: ${workers}\n${service.route('/things/**', 'signed-in')}`)
      // A socket, which cannot be opened anew: it is read by nobody, since nobody listens to its data.
      const child = launch('pipe')
      await becomesReady()
      await fillLog(1500)
      const left = workersOf(child)
      const ended = ends(child)
      child.kill('SIGTERM')
      expect((await ended)?.milliseconds).toBeLessThan(10_000)
      expect(left.filter((pid) => !isGone(pid))).toEqual([])
    })
  })

  it('does not let a worker outlive its supervisor', async () => {
    site = await createSite(`workers: 2\n${service.route('/things/**', 'signed-in')}`)
    const { child, reader } = launchOnPipe()
    await becomesReady()
    await fillLog(300)
    const left = workersOf(child)
    expect(left).toHaveLength(2)
    child.kill('SIGKILL')
    await waitFor(async () => left.every(isGone))
    closeSync(reader)
  })
})

describe('workers', () => {
  it('that fail at the start end it, however slowly they fail', async () => {
    site = await createSite('workers: 2\n')
    expect((await site.run(['migrate'])).code).toBe(0)
    await (await site.start()).stop()
    // Two seconds of waiting before anything else, in each worker.
    writeFileSync(
      join(site.folder, 'slow.cjs'),
      `const { isMainThread } = require('node:worker_threads')
if (process.env.GATEHOUSE_WORKER_ROLE && isMainThread) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2100)`,
    )
    const child = launch('ignore', {
      KEY: Buffer.from('another key of thirty-two bytes!').toString('base64'),
      NODE_OPTIONS: `--require ${join(site.folder, 'slow.cjs')}`,
    })
    expect((await ends(child))?.code).toBe(1)
  })
})
