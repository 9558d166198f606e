import pg from 'pg'
import { type HintChannel, hintChannels, type OnMessage } from '../database.ts'
import { connectionOptions } from './pool.ts'

/** How Postgres knows a channel. */
export const channelName = (channel: HintChannel): string => `gatehouse_${channel}`

const channelsByName: ReadonlyMap<string, HintChannel> = new Map(
  hintChannels.map((channel) => [channelName(channel), channel]),
)
/** Where processes say what no table has. */
export const messageChannel = 'gatehouse_messages'
/** How often a silent connection is asked whether it is still there, in milliseconds. */
const probeInterval = 5000
const reconnectDelay = 250

/** A connection that hears notifications. */
export interface Listening {
  /** Asks the server for a sign of life; `undefined` where there is no connection just now. */
  probe(): Promise<unknown> | undefined
  stop(): Promise<void>
}

/** Who is called for what is heard. */
interface Listeners {
  readonly onHint: (channel: string) => void
  readonly onMessage: OnMessage
}

/**
 * Hears notifications on a connection of its own and opens a new one when that breaks. After each reconnection every hint
 * is given, since one may have been missed; messages that were missed are lost. Resolves after the first attempt,
 * whether or not it succeeded.
 */
export async function listenToOthers(url: string, { onHint, onMessage }: Listeners): Promise<Listening> {
  let stopped = false
  let client: pg.Client | undefined
  let ask: (() => Promise<unknown>) | undefined
  let timer: NodeJS.Timeout | undefined

  const connect = async (missed: boolean): Promise<void> => {
    const fresh = new pg.Client({ ...connectionOptions(url), query_timeout: 1900 })
    client = fresh
    const lost = () => {
      if (client !== fresh) return
      client = undefined
      ask = undefined
      clearTimeout(timer)
      fresh.end().catch(() => {})
      if (!stopped) timer = setTimeout(() => void connect(true), reconnectDelay)
    }
    let asked: Promise<unknown> | undefined
    /** The driver wants one statement at a time: who asks meanwhile gets the same answer. */
    const askNow = (): Promise<unknown> => {
      asked ??= fresh
        .query('select 1')
        .catch((error: unknown) => {
          lost()
          throw error
        })
        .finally(() => {
          asked = undefined
        })
      return asked
    }
    const probe = () => {
      timer = setTimeout(() => askNow().then(probe, () => {}), probeInterval)
    }
    fresh.on('error', lost)
    fresh.on('end', lost)
    fresh.on('notification', ({ channel, payload = '' }) => {
      if (stopped) return
      const hint = channelsByName.get(channel)
      if (hint) onHint(hint)
      else if (channel === messageChannel) onMessage(payload)
    })
    try {
      await fresh.connect()
      for (const channel of [...hintChannels.map(channelName), messageChannel])
        await fresh.query(`listen ${fresh.escapeIdentifier(channel)}`)
    } catch {
      lost()
      return
    }
    if (stopped || client !== fresh) return
    if (missed) for (const channel of hintChannels) onHint(channel)
    ask = askNow
    probe()
  }

  await connect(false)
  return {
    probe: () => ask?.(),
    stop: async () => {
      stopped = true
      clearTimeout(timer)
      const last = client
      client = undefined
      ask = undefined
      await last?.end().catch(() => {})
    },
  }
}
