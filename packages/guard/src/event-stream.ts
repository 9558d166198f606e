/** One event of a stream of server-sent events. */
export interface StreamEvent {
  /** The last id that the stream has told, with this event or before it. */
  readonly id: string | undefined
  readonly event: string
  readonly data: string
}

/** Characters that one event may have. */
const maxEventLength = 1 << 20

/** Reads server-sent events, however the stream cuts them. Spec: HTML, section 9.2.6. */
export class EventStreamParser {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true })
  /** The line that has not ended yet. */
  #line = ''
  #id: string | undefined
  #event = ''
  #data: string[] = []
  #length = 0

  /** The events that are complete with this chunk. Throws where one is too long, or no UTF-8. */
  push(chunk: Uint8Array): readonly StreamEvent[] {
    const lines = (this.#line + this.#decoder.decode(chunk, { stream: true })).split('\n')
    this.#line = lines.pop() ?? ''
    const events: StreamEvent[] = []
    for (const line of lines) {
      const event = this.#take(line.endsWith('\r') ? line.slice(0, -1) : line)
      if (event) events.push(event)
    }
    if (this.#length + this.#line.length > maxEventLength) throw new Error('the feed sent an event that is too long')
    return events
  }

  #take(line: string): StreamEvent | undefined {
    if (line === '') return this.#finish()
    this.#length += line.length
    const colon = line.indexOf(':')
    const name = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    // What begins with a colon is a comment: a sign of life.
    if (name === 'data') this.#data.push(value)
    else if (name === 'event') this.#event = value
    else if (name === 'id') this.#id = value
    return undefined
  }

  #finish(): StreamEvent | undefined {
    const [id, event, data] = [this.#id, this.#event, this.#data]
    this.#event = ''
    this.#data = []
    this.#length = 0
    return data.length === 0 ? undefined : { id, event, data: data.join('\n') }
  }
}
