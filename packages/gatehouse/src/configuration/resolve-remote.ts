import { parseDuration } from '@gatehouse/core/time'
import { buildVariables } from '@gatehouse/gateway/authorize/asked-request'
import type { RemoteDefinition } from '@gatehouse/gateway/authorize/remote-decider'
import type { Report } from './problem.ts'
import { questionOf, type RemoteKind, remoteKinds, type Said } from './remote-kinds.ts'
import { compileText } from './rule-compiler.ts'

/** What stands under `remote` in the file. */
export interface RemoteEntry {
  readonly url: string
  readonly kind?: keyof typeof remoteKinds
  readonly ask?: Readonly<Record<string, string>>
  readonly token?: string
  readonly timeout?: string
  readonly cache?: string
}

/** A decider as the gateway takes it; reports what cannot be meant by its key within the rule. */
export function resolveRemote(entry: RemoteEntry, parameters: readonly string[], report: Report): RemoteDefinition {
  const kind: RemoteKind = remoteKinds[entry.kind ?? 'json']
  const url = URL.canParse(entry.url) ? new URL(entry.url) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    report(['remote', 'url'], 'expected an http or https URL without a password; `token` is for what proves who asks')
  }
  const given = Object.keys(entry.ask ?? {})
  const missing = kind.asks.filter((name) => !given.includes(name))
  const surplus = given.filter((name) => !kind.asks.includes(name))
  if (missing.length + surplus.length > 0) {
    const wanted = kind.asks.length === 0 ? 'nothing' : kind.asks.join(', ')
    report(['remote', 'ask'], `kind: ${entry.kind ?? 'json'} is asked ${wanted}`)
  }
  const timeout = seconds(entry.timeout, 1)
  if (timeout < 1 || timeout > 30) report(['remote', 'timeout'], 'expected 1s to 30s')
  const cache = seconds(entry.cache, 2)
  if (cache > 300)
    report(['remote', 'cache'], 'expected at most 5m: for so long an answer that has changed still counts')
  return {
    ...{ url: entry.url, token: entry.token, timeout: timeout * 1000, cacheFor: cache * 1000 },
    question: questionOf(kind, compileAsked(entry.ask ?? {}, parameters, report)),
    readAnswer: kind.readAnswer,
  }
}

const seconds = (text: string | undefined, fallback: number): number =>
  text === undefined ? fallback : (parseDuration(text) ?? Number.POSITIVE_INFINITY)

function compileAsked(
  ask: Readonly<Record<string, string>>,
  names: readonly string[],
  report: Report,
): ReadonlyMap<string, Said> {
  const said = new Map<string, Said>()
  for (const [name, text] of Object.entries(ask)) {
    const compiled = compileText(text, names)
    if (typeof compiled === 'string') {
      report(['remote', 'ask', name], compiled)
      continue
    }
    said.set(name, (asked, parameters) => {
      const value = compiled.test(buildVariables(asked, parameters, compiled.reads))
      if (typeof value !== 'string') throw new Error(`${name} is no text: ${text}`)
      return value
    })
  }
  return said
}
