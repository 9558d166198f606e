/** The name of a header that services send. */
export interface ReceivedName<Kind> {
  /** As it was sent. */
  readonly name: string
  /** In small letters. */
  readonly lower: string
  readonly kind: Kind
}

/** A name that was received before, and what its value was the last time. */
interface Remembered<Kind> extends ReceivedName<Kind> {
  readonly bytes: Buffer
  value: string
  valueBytes: Buffer
}

/** Most names that are remembered: a service may make up ever new ones. */
const nameLimit = 500
/** Most of them in one place, all of which may be looked at for one name. */
const placeLimit = 8
/** Longest name and longest value that are remembered, in bytes. */
const lengthLimit = 64

/**
 * Reads the headers of answers, and remembers their names and the value that each had the last time. Nearly all are those of the
 * answer before, and to see that costs less than another string, which would have to be hashed to be looked up and be
 * collected afterwards. Only the same bytes give the same text.
 */
export class ReceivedHeaders<Kind> {
  readonly #kindOf: (lower: string) => Kind
  /** By length and first byte: seldom more than two in one place. */
  readonly #remembered = new Map<number, Remembered<Kind>[]>()
  #count = 0

  /** @param kindOf what a name, in small letters, is to whoever reads; asked once for each that is remembered */
  constructor(kindOf: (lower: string) => Kind) {
    this.#kindOf = kindOf
  }

  readName(bytes: Buffer): ReceivedName<Kind> {
    const place = bytes.length * 256 + (bytes[0] ?? 0)
    const list = this.#remembered.get(place)
    if (list !== undefined) for (const known of list) if (isSame(known.bytes, bytes)) return known
    const name = bytes.toString('latin1')
    const lower = name.toLowerCase()
    const kind = this.#kindOf(lower)
    const isFull = this.#count >= nameLimit || (list !== undefined && list.length >= placeLimit)
    if (isFull || bytes.length > lengthLimit) return { name, lower, kind }
    // A copy: what is received lies in memory that is used again.
    const known = { name, lower, kind, bytes: Buffer.from(bytes), value: '', valueBytes: Buffer.alloc(0) }
    this.#count += 1
    if (list === undefined) this.#remembered.set(place, [known])
    else list.push(known)
    return known
  }

  /** @param name from {@link ReceivedHeaders.readName} */
  readValue(name: ReceivedName<Kind>, bytes: Buffer): string {
    if (!isRemembered(name)) return bytes.toString('latin1')
    if (isSame(name.valueBytes, bytes)) return name.value
    const value = bytes.toString('latin1')
    if (bytes.length <= lengthLimit) {
      name.value = value
      name.valueBytes = Buffer.from(bytes)
    }
    return value
  }
}

const isRemembered = <Kind>(name: ReceivedName<Kind>): name is Remembered<Kind> => 'valueBytes' in name

/** Shorter than a call of `Buffer.equals` for so few bytes. */
function isSame(one: Buffer, other: Buffer): boolean {
  if (one.length !== other.length) return false
  for (let index = 0; index < one.length; index += 1) if (one[index] !== other[index]) return false
  return true
}
