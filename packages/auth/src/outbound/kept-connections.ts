import { Agent, type AgentOptions } from 'node:http'
import { Agent as TlsAgent } from 'node:https'
import type { LookupFunction } from 'node:net'
import type { Duplex } from 'node:stream'

/** Addresses that were checked, as what connects takes them. */
export type CheckedLookup = LookupFunction & {
  /** All of them in one text, the same whatever their order. */
  readonly addresses: string
}

/** Connections to the servers of one destination, kept between requests. */
export interface KeptConnections {
  agentFor(protocol: string): Agent
  /** Ends those that lie idle, and keeps none from then on. */
  close(): void
}

/** Milliseconds that a connection may lie idle: less than most servers and balancers let it. */
const idleMs = 30_000
/** Milliseconds after which a connection is not used again, so that certificates and keys are looked at anew. */
const ageMs = 600_000
/** Idle ones to one host; how many are busy is up to who asks, as it is without keeping any. */
const mostIdle = 4

/**
 * Builds the connections of one destination. One is used again for a request alone for which the name has just led to the very
 * addresses that it was opened for. Threats: a name that leads elsewhere by now (DNS rebinding) and an old connection that
 * goes on; a certificate that is looked at once and never again, for which no TLS session is resumed either.
 */
export function createKeptConnections(): KeptConnections {
  const agents = new Map<string, Agent>()
  let isClosed = false
  return {
    agentFor(protocol) {
      const known = agents.get(protocol)
      if (known) return known
      const options = { keepAlive: true, maxFreeSockets: mostIdle, timeout: idleMs, maxCachedSessions: 0 }
      const agent = restrict(protocol === 'https:' ? new TlsAgent(options) : new Agent(options), () => isClosed)
      agents.set(protocol, agent)
      return agent
    },
    close() {
      isClosed = true
      // Those that are busy end with what they are busy with.
      for (const { freeSockets } of agents.values()) {
        for (const socket of Object.values(freeSockets).flat()) socket?.destroy()
      }
    },
  }
}

/** What a request is given beside what the types of Node say. */
type NamedBy = AgentOptions & { readonly lookup?: Partial<CheckedLookup> }

function restrict(agent: Agent, isClosed: () => boolean): Agent {
  const keptSince = new WeakMap<Duplex, number>()
  const nameOf = agent.getName.bind(agent)
  const keep = agent.keepSocketAlive.bind(agent)
  agent.getName = (options?: NamedBy) => `${nameOf(options)}|${options?.lookup?.addresses ?? ''}`
  agent.keepSocketAlive = (socket) => {
    const now = performance.now()
    const since = keptSince.get(socket) ?? now
    keptSince.set(socket, since)
    // Node asks whether to keep it, which the types do not say.
    return !isClosed() && now - since < ageMs && keep(socket)
  }
  return agent
}
