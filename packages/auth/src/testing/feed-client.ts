import { type IncomingMessage, request } from 'node:http'

/** One event as it came over the wire. */
export interface FeedEvent {
  readonly id: string | undefined
  readonly event: string
  readonly data: unknown
}

/** Somebody who reads the feed over a real socket. */
export interface FeedClient {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly events: readonly FeedEvent[]
  /** Everything as it came. */
  text(): string
  /** Every value that was said to be revoked. */
  values(): readonly string[]
  /** Resolves once the condition holds; rejects after two seconds. */
  until(condition: () => boolean): Promise<void>
  /** Resolves when the other side has ended or cut the answer: whether it was ended in order. */
  readonly ended: Promise<boolean>
  pause(): void
  resume(): void
  close(): void
}

/** Connects to a feed; with a form by POST. */
export async function readFeed(
  url: string,
  headers: Record<string, string> = {},
  form?: Record<string, string>,
): Promise<FeedClient> {
  const sent =
    form === undefined
      ? { method: 'GET', headers }
      : { method: 'POST', headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' } }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const body = form && new URLSearchParams(form).toString()
    request(url, { ...sent, agent: false }, resolve)
      .on('error', reject)
      .end(body)
  })
  let text = ''
  let rest = ''
  const events: FeedEvent[] = []
  let onChange = (): void => {}
  response.setEncoding('utf8')
  response.on('data', (chunk: string) => {
    text += chunk
    const blocks = (rest + chunk).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const event = parseBlock(block)
      if (event) events.push(event)
    }
    onChange()
  })
  response.on('error', () => {})
  const ended = new Promise<boolean>((resolve) => response.on('close', () => resolve(response.complete)))
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    events,
    text: () => text,
    values: () =>
      events.flatMap(({ event, data }) =>
        event === 'revoked' ? (data as { value: string }[]).map(({ value }) => value) : [],
      ),
    async until(condition) {
      const late = Date.now() + 2000
      while (!condition()) {
        if (Date.now() > late) throw new Error(`not seen within two seconds; so far:\n${text.slice(0, 2000)}`)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, 50)
          onChange = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
    },
    ended,
    pause: () => response.pause(),
    resume: () => response.resume(),
    close: () => response.destroy(),
  }
}

function parseBlock(block: string): FeedEvent | undefined {
  const find = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1]
  const event = find('event')
  return event === undefined ? undefined : { id: find('id'), event, data: JSON.parse(find('data') ?? 'null') }
}
