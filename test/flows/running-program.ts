import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, vi } from 'vitest'

/** The project's folder. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
export const program = join(root, 'packages/gatehouse/dist/gatehouse.mjs')

/** What a finished command said. */
export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly milliseconds: number
}

/** A folder of its own with a configuration in it, in which the shipped program runs. */
export interface Site {
  readonly folder: string
  readonly port: number
  readonly url: string
  readonly environment: NodeJS.ProcessEnv
  /** Writes gatehouse.yaml. */
  configure(text: string): void
  /** Runs a command to its end, with more in its environment, in this folder below the site's. */
  run(args: readonly string[], input?: string, environment?: Record<string, string>, below?: string): Promise<Finished>
  /** Starts `serve` or `dev`, with more in its environment, and waits until it is ready. */
  start(args?: readonly string[], environment?: Record<string, string>): Promise<Running>
  /** Starts `serve`, with a moment before anybody waits for it. */
  startAfter(moment: (child: ChildProcess) => Promise<void>): Promise<Running>
  remove(): Promise<void>
}

/** A program that serves. */
export interface Running {
  readonly process: ChildProcess
  /** Everything that it has written so far. */
  output(): string
  /** Sends a signal and waits for the end; answers with the exit code and how long it took. */
  stop(signal?: NodeJS.Signals): Promise<{ readonly code: number | null; readonly milliseconds: number }>
}

/**
 * A port of this machine that nobody listens on. Not one of those that the system gives to connections of its own, since another
 * test could be given it before it is used here.
 */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000)
    const server = createServer()
    const isFree = await new Promise<boolean>((done) => {
      server.once('error', () => done(false))
      server.listen(port, '127.0.0.1', () => done(true))
    })
    if (!isFree) continue
    await new Promise((done) => server.close(done))
    return port
  }
}

/** Makes a site; the configuration that it starts with has an issuer, a port, a database and a master key. */
export async function createSite(more = '', environment: Record<string, string> = {}): Promise<Site> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-flow-'))
  const port = await findFreePort()
  const running = new Set<ChildProcess>()
  const allEnvironment = { ...process.env, ...environment, KEY: randomBytes(32).toString('base64'), NO_COLOR: '1' }
  const spawnProgram = (args: readonly string[], more: Record<string, string> = {}, below = ''): ChildProcess => {
    const child = spawn(process.execPath, [program, ...args], {
      cwd: join(folder, below),
      env: { ...allEnvironment, ...more },
    })
    running.add(child)
    child.on('exit', () => running.delete(child))
    return child
  }
  const site: Site = {
    folder,
    port,
    url: `http://127.0.0.1:${port}`,
    environment: allEnvironment,
    configure: (text) => writeFileSync(join(folder, 'gatehouse.yaml'), text),
    run: (args, input = '', more, below) => runToEnd(spawnProgram(args, more, below), input),
    start: (args = ['serve'], more) => waitUntilReady(spawnProgram(args, more)),
    async startAfter(moment) {
      const child = spawnProgram(['serve'])
      const ready = waitUntilReady(child)
      await moment(child)
      return ready
    },
    async remove() {
      await Promise.all([...running].map((child) => kill(child)))
      rmSync(folder, { recursive: true, force: true })
    },
  }
  site.configure(`issuer: https://auth.example.com\nlisten: 127.0.0.1:${port}\nmaster_key: \${KEY}\n${more}`)
  return site
}

function runToEnd(child: ChildProcess, input: string): Promise<Finished> {
  const startedAt = performance.now()
  let [stdout, stderr] = ['', '']
  child.stdout?.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr?.on('data', (chunk) => {
    stderr += chunk
  })
  child.stdin?.on('error', () => {})
  child.stdin?.end(input)
  return new Promise((done) => {
    child.on('close', (code) => done({ code, stdout, stderr, milliseconds: performance.now() - startedAt }))
  })
}

async function waitUntilReady(child: ChildProcess): Promise<Running> {
  let output = ''
  await new Promise<void>((done, fail) => {
    const listen = (chunk: Buffer): void => {
      output += chunk
      if (output.includes('Gatehouse is ready at')) done()
    }
    child.stdout?.on('data', listen)
    child.stderr?.on('data', listen)
    child.on('exit', (code) => fail(new Error(`the program ended with ${code}:\n${output}`)))
  })
  return {
    process: child,
    output: () => output,
    async stop(signal = 'SIGTERM') {
      const startedAt = performance.now()
      const code = await kill(child, signal)
      return { code, milliseconds: performance.now() - startedAt }
    },
  }
}

function kill(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode)
  return new Promise((done) => {
    child.on('exit', (code) => done(code))
    child.kill(signal)
  })
}

/** Waits until something is so, for half a minute at most. */
export const waitFor = (condition: () => Promise<boolean>): Promise<void> =>
  vi.waitFor(async () => expect(await condition()).toBe(true), { timeout: 30_000, interval: 50 })

/**
 * So many milliseconds, on a machine that starts a bare Node in 60; in proportion more where it takes longer, since the machine is
 * slow or does other things.
 */
export function onThisMachine(count: number): number {
  const startedAt = performance.now()
  execFileSync(process.execPath, ['--eval', ''])
  return count * Math.max(1, (performance.now() - startedAt) / 60)
}

/** HTTP Basic credentials. */
export const basic = (id: string, password: string): { readonly authorization: string } => ({
  authorization: `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}`,
})

/** Posts JSON; the host header is the issuer's where the site is not in development. */
export async function postJson(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  return readAnswer(
    await request(url, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
    }),
  )
}

/** Posts a form. */
export async function postForm(
  url: string,
  form: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const body = new URLSearchParams(form).toString()
  return readAnswer(
    await request(url, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    }),
  )
}

/** Gets. */
export async function get(url: string, headers: Record<string, string> = {}): Promise<Answer> {
  return readAnswer(await request(url, { method: 'GET', headers }))
}

/** An answer with its body, read as JSON where it is JSON. */
export interface Answer {
  readonly status: number
  readonly headers: Record<string, string | string[] | undefined>
  readonly text: string
  readonly json: Record<string, unknown>
}

interface RequestParts {
  readonly method: string
  readonly headers: Record<string, string>
  readonly body?: string
}

type RawAnswer = Omit<Answer, 'json'>

/** node:http and not fetch: fetch does not let a test say which host it asks for. */
async function request(url: string, { method, headers, body }: RequestParts): Promise<RawAnswer> {
  const { request: send } = await import('node:http')
  return new Promise((done, fail) => {
    const sent = send(url, { method, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => done({ status: response.statusCode ?? 0, headers: response.headers, text }))
      response.on('error', fail)
    })
    sent.on('error', fail)
    sent.end(body)
  })
}

function readAnswer(answer: RawAnswer): Answer {
  let json: Record<string, unknown> = {}
  try {
    json = JSON.parse(answer.text) as Record<string, unknown>
  } catch {
    // Not every answer is JSON; the test that cares looks at the text.
  }
  return { ...answer, json }
}
