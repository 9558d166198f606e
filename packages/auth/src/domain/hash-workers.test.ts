import { pbkdf2Sync } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import type { Options } from '@node-rs/argon2'
import { afterEach, describe, expect, it } from 'vitest'
import { type HashJob, HashWorkers, jobToCheck, jobToMake, type StoredHash } from './hash-workers.ts'

const cheap = { algorithm: 2, memoryCost: 1024, timeCost: 1, parallelism: 1 }
/** Some 50 ms, and many times that where the loop and others use all processors. */
const slow = { ...cheap, memoryCost: 65_536, timeCost: 2 }

let workers = new HashWorkers()
const open = (url?: URL): HashWorkers => {
  workers = new HashWorkers(url)
  return workers
}
afterEach(() => workers.close())

const computeOne = async (job: HashJob): Promise<string | boolean> => {
  const [answer] = await workers.compute([job])
  if (!answer) throw new Error('The thread did not answer')
  if ('failure' in answer) throw new Error(answer.failure)
  return answer.result
}
const make = async (password: string, options: Options) => String(await computeOne(jobToMake(password, options)))
const check = (password: string, stored: StoredHash) => computeOne(jobToCheck(password, stored))

/** A thread's program in place of ours. */
const program = (text: string): URL =>
  new URL(`data:text/javascript,${encodeURIComponent(`import { parentPort } from 'node:worker_threads'\n${text}`)}`)

describe('threads for password hashes', () => {
  it('make hashes that they then know, and no other password’s', async () => {
    open()
    const hash = await make('pässword', cheap)
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=1024,t=1,p=1\$/)
    expect(await make('pässword', cheap)).not.toBe(hash)
    expect(await check('pässword', { kind: 'argon2', hash })).toBe(true)
    expect(await check('password', { kind: 'argon2', hash })).toBe(false)
  })

  it('are started when a hash finds none idle, and none before the first', async () => {
    open()
    expect(workers.size).toBe(0)
    await make('one', cheap)
    await make('two', cheap)
    expect(workers.size).toBe(1)
    await Promise.all([make('three', cheap), make('four', cheap)])
    expect(workers.size).toBe(2)
  })

  it('leave the loop free while they compute', async () => {
    open()
    await make('warm', cheap)
    let isRunning = true
    const hashing = make('slow', slow).finally(() => {
      isRunning = false
    })
    let turns = 0
    while (isRunning) {
      await new Promise((resolve) => setImmediate(resolve))
      turns += 1
    }
    await hashing
    expect(turns).toBeGreaterThan(100)
  })

  it('keep the process from ending while they compute, and only then', async () => {
    open()
    const holding = () => process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length
    const before = holding()
    for (let time = 0; time < 2; time += 1) {
      const hashing = make('one', cheap)
      expect(holding()).toBe(before + 1)
      await hashing
      expect(holding()).toBe(before)
    }
  })

  it.runIf(process.platform === 'linux')('have a low priority, and they alone', async () => {
    open()
    const before = niceValues()
    await make('one', cheap)
    const after = niceValues()
    const lowered = [...after].filter(([thread, nice]) => nice >= 15 && (before.get(thread) ?? 0) < 15)
    expect(lowered).toHaveLength(1)
    expect(after.get(process.pid)).toBe(before.get(process.pid))
  })

  it('that cannot compute a hash say why, and go on', async () => {
    open()
    const salt = new Uint8Array(8)
    const expected = new Uint8Array(pbkdf2Sync('right', salt, 10, 32, 'sha256'))
    const stored = { kind: 'pbkdf2', digest: 'sha256', iterations: 10, salt, expected } as const
    const jobs = [
      jobToCheck('wrong', stored),
      jobToCheck('right', { ...stored, digest: 'sha0' }),
      jobToCheck('right', stored),
    ]
    expect(await workers.compute(jobs)).toEqual([
      { result: false },
      { failure: 'Invalid digest: sha0' },
      { result: true },
    ])
    expect(workers.size).toBe(1)
  })

  it('that die fail the hash that they had, and are replaced', async () => {
    open(
      program(`parentPort.on('message', ([{ hash }]) => {
        if (hash === 'exit') process.exit(1)
        if (hash === 'throw') throw new Error('lost')
        parentPort.postMessage([{ result: true }])
      })`),
    )
    const ask = (hash: string) => check('any', { kind: 'argon2', hash })
    for (const death of ['exit', 'throw']) {
      const [dead, alive] = await Promise.allSettled([ask(death), ask('answer')])
      expect(dead).toMatchObject({ reason: { code: 'temporarily_unavailable' } })
      expect(alive).toMatchObject({ value: true })
      expect(workers.size).toBe(1)
      expect(await Promise.all([ask('answer'), ask('answer')])).toEqual([true, true])
      expect(workers.size).toBe(2)
    }
  })

  it('that die while idle are given no hash', async () => {
    open(
      program(
        `parentPort.on('message', () => { parentPort.postMessage([{ result: true }]); setTimeout(process.exit) })`,
      ),
    )
    const ask = () => check('any', { kind: 'argon2', hash: '' })
    await ask()
    while (workers.size > 0) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(await ask()).toBe(true)
  })

  it('that die right after an answer, heard of both at once, are given no hash', async () => {
    open(
      program(`parentPort.on('message', ([{ hash }]) => {
        parentPort.postMessage([{ result: true }])
        if (hash === 'exit') setTimeout(process.exit)
      })`),
    )
    const ask = (hash: string) => check('any', { kind: 'argon2', hash })
    await ask('answer')
    // Out of the turn of the loop in which that came.
    await new Promise((resolve) => setTimeout(resolve, 20))
    const answering = ask('exit')
    // The loop has something else to do until the thread is gone.
    const busyUntil = performance.now() + 500
    while (performance.now() < busyUntil);
    expect(await answering).toBe(true)
    expect(await ask('answer')).toBe(true)
  })

  it('that cannot be started fail the hash, each time', async () => {
    open(new URL('file:///nowhere/hash-worker.mjs'))
    for (let time = 0; time < 2; time += 1)
      await expect(make('any', cheap)).rejects.toMatchObject({ code: 'temporarily_unavailable' })
    expect(workers.size).toBe(0)
  })

  it('end at close, and take what they compute with them', async () => {
    open()
    const hashing = [make('slow', slow), make('slow', slow)]
    const outcomes = Promise.allSettled(hashing)
    await workers.close()
    expect(workers.size).toBe(0)
    const unavailable = { reason: { code: 'temporarily_unavailable' } }
    expect(await outcomes).toMatchObject([unavailable, unavailable])
    await expect(make('late', cheap)).rejects.toMatchObject({ code: 'temporarily_unavailable' })
    expect(workers.size).toBe(0)
  })

  it('are handed the bytes of a password and wipe them', async () => {
    // Ours, and once it has answered it answers with what is left of the bytes.
    const ours = new URL('./hash-worker.mjs', import.meta.url).href
    open(
      program(`import '${ours}'
        const post = parentPort.postMessage.bind(parentPort)
        let passwords
        parentPort.on('message', (jobs) => { passwords = jobs.map(({ password }) => password) })
        parentPort.postMessage = () => setImmediate(() => post([{ result: passwords.every((bytes) => bytes.every((byte) => byte === 0)) }]))`),
    )
    const jobs = [jobToMake('left behind?', cheap), jobToMake('or this?', cheap)]
    expect(await workers.compute(jobs)).toEqual([{ result: true }])
  })
})

/** The nice value of each thread of this process, by the system's number for it. */
const niceValues = (): ReadonlyMap<number, number> =>
  new Map(
    readdirSync('/proc/self/task').map((thread) => {
      // The name in parentheses may hold spaces; what follows it does not.
      const fields = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')
      return [Number(thread), Number(fields[16])]
    }),
  )
