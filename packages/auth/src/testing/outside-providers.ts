import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seconds } from '@gatehouse/core/time'
import { compileMapping } from '../federation/mapping.ts'
import type { ProviderSettings } from '../federation/provider-settings.ts'

/** A provider that is asked by webhook, unless a test says otherwise; nothing listens at its address. */
export const providerOf = (settings: Partial<ProviderSettings> = {}): ProviderSettings => ({
  ...{ name: 'corp', title: 'Corp', hasButton: false, domains: [], organisations: [] },
  ...{ createsAccounts: true, scopes: ['orders:read'], trustsEmail: false, trustsSecondFactor: false },
  ...{
    mapping: compileMapping({}),
    recheckEvery: seconds(300),
    recheckWithin: seconds(14_400),
    singleLogout: false,
    isPrivate: false,
  },
  ...{ tokenScope: undefined, isShadow: false, doors: { redirect: false, check: true } },
  definition: { kind: 'webhook', settings: { url: 'http://127.0.0.1:1/', secret: 's'.repeat(32), refresh: false } },
  ...settings,
})

/** What a program of one's own was asked. */
export interface AskedOfProgram {
  readonly event: string
  readonly username?: string
  readonly password?: string
  readonly subject?: string
}

/** A program that knows people, and is asked by webhook. */
export interface OwnProgram {
  /** What it is asked, in order. */
  /** Milliseconds until it answers. */
  delay: number
  readonly asked: AskedOfProgram[]
  /** How a provider that asks it is defined. */
  readonly definition: ProviderSettings['definition']
  /** How it answers from now on; left out, it is out of order. */
  answer: ((asked: AskedOfProgram) => unknown) | undefined
  close(): void
}

/** The password of everybody there. */
export const right = 'the right one, there'

/** Starts one on loopback, which takes that from everybody: their name is their subject. */
export async function startOwnProgram(): Promise<OwnProgram> {
  const asked: AskedOfProgram[] = []
  const respond = (body: string, response: ServerResponse): void => {
    const question = JSON.parse(body) as AskedOfProgram // our webhook has written it
    asked.push(question)
    const answer = program.answer?.(question)
    response.writeHead(answer === undefined ? 503 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(answer ?? {}))
  }
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += chunk))
    request.on('end', () => setTimeout(respond, program.delay, body, response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/` // it listens at a port
  const program: OwnProgram = {
    asked,
    delay: 0,
    definition: { kind: 'webhook', settings: { url, secret: 's'.repeat(32), refresh: true } },
    answer: ({ username, password }) =>
      password === right
        ? { user: { subject: username, preferred_username: username, name: `The ${username}` } }
        : { refused: true },
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
  return program
}

/** Says of whoever comes back what stands in the address: `subject`, and any claims. */
const believes = `
export const start = ({ state, loginHint = '', fresh }) => ({
  go: { url: 'https://login.example.net/?' + new URLSearchParams({ state, hint: loginHint, fresh }) },
  memory: { seen: 'by us alone' },
})
export const finish = ({ parameters: { state, subject, ...claims }, memory }) => {
  if (memory.seen !== 'by us alone') throw new Error('the memory is lost')
  return subject === undefined ? { refused: true } : { user: { subject, ...claims, email_verified: true } }
}`

/** A provider that people are sent to, which believes whatever they bring back. */
export interface BelievingProvider {
  readonly definition: ProviderSettings['definition']
  remove(): void
}

/** Writes its module to a folder of its own. */
export function writeBelievingProvider(): BelievingProvider {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-provider-'))
  const file = join(folder, 'provider.mjs')
  writeFileSync(file, believes)
  return {
    definition: { kind: 'module', settings: { file, settings: {}, limitMs: 5000 } },
    remove: () => rmSync(folder, { recursive: true }),
  }
}
