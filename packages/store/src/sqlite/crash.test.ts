import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { GrantId } from '@gatehouse/core/brand'
import { newGrantId } from '@gatehouse/core/random'
import Database from 'better-sqlite3'
import { afterAll, expect, it } from 'vitest'
import { TestDatabases } from '../testing/databases.ts'
import { buildGrant, buildSession } from '../testing/rows.ts'

const databases = new TestDatabases()
afterAll(() => databases.stop())

const path = (name: string) => fileURLToPath(new URL(`../testing/${name}`, import.meta.url))

/** Starts another process that writes, and collects what it says. */
function startWriter(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): { child: ChildProcess; said: () => string[] } {
  const node = [
    '--conditions=gatehouse-source',
    '--import',
    path('register-typescript.mjs'),
    path('writer-process.mjs'),
  ]
  const child = spawn(process.execPath, [...node, ...args], {
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  // The last piece is what a killed process had not finished saying.
  return {
    child,
    said: () =>
      text
        .split('\n')
        .slice(0, -1)
        .filter((line) => line !== 'ready'),
  }
}

it('has every write that was acknowledged before a kill -9', async () => {
  const { url, store } = await databases.openNew('a SQLite file')
  const acknowledged: string[] = []
  for (let round = 0; round < 4; round += 1) {
    const { child, said } = startWriter(['insert', url])
    while (said().length < 50 * (round + 1)) await new Promise((resolve) => setTimeout(resolve, 5))
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 50))
    child.kill('SIGKILL')
    await once(child, 'close')
    acknowledged.push(...said())
    const file = new Database(url)
    expect(file.pragma('integrity_check')).toEqual([{ integrity_check: 'ok' }])
    file.close()
  }
  // What was read came from the process that wrote it.
  const found = await Promise.all(acknowledged.map((id) => store.grants.find(id as GrantId)))
  expect(acknowledged.length).toBeGreaterThan(500)
  expect(found.filter((row) => row === undefined)).toEqual([])
}, 60_000)

it('lets one of two processes on one file rotate each generation', async () => {
  const { url, store } = await databases.openNew('a SQLite file')
  const id = newGrantId()
  const session = buildSession()
  await store.sessions.insert(session)
  await store.grants.insert(buildGrant({ id, session_id: session.id }))
  const writers = [
    startWriter(['rotate', url, '300'], { GRANT: id }),
    startWriter(['rotate', url, '300'], { GRANT: id }),
  ]
  await Promise.all(writers.map(({ child }) => once(child, 'close')))
  const won = writers.flatMap(({ said }) => said())
  expect(won.length).toBeGreaterThan(0)
  expect(new Set(won).size).toBe(won.length)
  expect((await store.grants.find(id))?.generation).toBe(won.length + 1)
}, 60_000)
