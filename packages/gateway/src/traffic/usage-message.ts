/** What one process tells the others: how much was taken of limits since it told the last time, and how full places are. */
export interface UsageMessage {
  /** The process, by a name that it has chosen at random. */
  readonly from: string
  /** Numbers of one process only rise. */
  readonly number: number
  readonly taken: readonly { readonly limit: string; readonly key: string; readonly tokens: number }[]
  readonly places: readonly { readonly place: string; readonly underWay: number }[]
}

/** Characters of one message; a notification of Postgres takes fewer than 8000 bytes, and all of ours are ASCII. */
const mostCharacters = 7900
/** Messages at a time: some thousand keys. */
const mostMessages = 4
/** Characters of what is counted by, at most: who has a longer name is counted by its hash. */
export const longestKey = 100
const longestName = 16
const mostCounted = 1_000_000_000

/** Fills as few messages as it takes, and at most {@link mostMessages}. */
export class UsageWriter {
  readonly #head: () => string
  readonly #messages: string[] = []
  #text = ''

  /** `nextNumber` is asked for each message. */
  constructor(from: string, nextNumber: () => number) {
    this.#head = () => `["${from}",${nextNumber()}`
  }

  /** What was taken of a limit by one key; false = it takes no more. */
  addTaken(limit: string, key: string, tokens: number): boolean {
    if (key.length > longestKey) return true
    return this.#add([limit, key, tokens])
  }

  /** How many requests are under way at a place; false = it takes no more. */
  addPlace(place: string, underWay: number): boolean {
    return this.#add([place, underWay])
  }

  /** The messages; none where nothing was added. */
  finish(): readonly string[] {
    this.#close()
    return this.#messages
  }

  #add(entry: readonly unknown[]): boolean {
    const text = `,${escapeBeyondAscii(JSON.stringify(entry))}`
    if (this.#text.length + text.length >= mostCharacters) this.#close()
    if (this.#messages.length === mostMessages) return false
    if (this.#text === '') this.#text = this.#head()
    this.#text += text
    return true
  }

  #close(): void {
    if (this.#text !== '') this.#messages.push(`${this.#text}]`)
    this.#text = ''
  }
}

/** Databases keep text in encodings that know fewer letters. */
const escapeBeyondAscii = (json: string): string =>
  json.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** Reads a message; `undefined` for whatever is none, as a whole. Cost: bounded by the length of a message. */
export function parseUsageMessage(text: string): UsageMessage | undefined {
  if (text.length > mostCharacters) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!Array.isArray(value)) return undefined
  const [from, number, ...entries] = value as readonly unknown[]
  // A process that runs for long counts its messages beyond what anything else may be.
  if (!isText(from, longestName) || typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0)
    return undefined
  const taken: UsageMessage['taken'][number][] = []
  const places: UsageMessage['places'][number][] = []
  for (const entry of entries) {
    if (!Array.isArray(entry)) return undefined
    const [name, ...rest] = entry as readonly unknown[]
    const [first, second] = rest
    if (!isText(name, longestName)) return undefined
    if (rest.length === 1 && isCount(first)) places.push({ place: name, underWay: first })
    else if (rest.length === 2 && isText(first, longestKey) && isCount(second))
      taken.push({ limit: name, key: first, tokens: second })
    else return undefined
  }
  return { from, number, taken, places }
}

const isText = (value: unknown, longest: number): value is string =>
  typeof value === 'string' && value.length <= longest

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= mostCounted
