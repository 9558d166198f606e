import { createHash } from 'node:crypto'
import { open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Outbound } from '../outbound/outbound.ts'

/** Where passwords are looked up that are known from breaches. */
export type BreachedPasswordSource =
  /** A folder with a file for each prefix, such as `21BD1.txt`, or one file of all hashes in order, as Have I Been Pwned gives them out. */
  | { readonly kind: 'file'; readonly path: string }
  /** An address that answers for a prefix: `https://…/range/`. */
  | { readonly kind: 'url'; readonly url: string }

/** Knows passwords from breaches. */
export interface BreachedPasswords {
  /**
   * Whether a password is among them. What cannot be found out within a second counts as no, and is counted: people must
   * be able to set a password all the same. Neither the password nor its whole hash leaves this process.
   */
  includes(password: string): Promise<boolean>
}

/** Letters of the SHA-1 that are told to others. Spec: the range search of Have I Been Pwned. */
const prefixLength = 5
const timeLimit = 1000
const answerLimit = 200_000

interface Dependencies {
  readonly outbound: Pick<Outbound, 'fetch'>
  /** Called where it could not be found out. */
  readonly onFailure: () => void
}

/**
 * Looks passwords up by the first letters of their SHA-1. The hash protects nothing here: it is how the lists are written.
 */
export function createBreachedPasswords(
  { outbound, onFailure }: Dependencies,
  source: BreachedPasswordSource,
): BreachedPasswords {
  const range = source.kind === 'url' ? rangeFromUrl(outbound, source.url) : rangeFromFile(source.path)
  return {
    async includes(password) {
      const digest = createHash('sha1').update(password).digest('hex').toUpperCase()
      const prefix = digest.slice(0, prefixLength)
      try {
        const lines = await withinTime(range(prefix))
        return lines.some((line) => {
          const [hashed = '', count = '1'] = line.trim().toUpperCase().split(':', 2)
          // A count of 0 is padding.
          return count !== '0' && (hashed === digest || prefix + hashed === digest)
        })
      } catch {
        onFailure()
        return false
      }
    },
  }
}

type FindRange = (prefix: string) => Promise<readonly string[]>

const rangeFromUrl =
  (outbound: Pick<Outbound, 'fetch'>, url: string): FindRange =>
  async (prefix) => {
    const { status, text } = await outbound.fetch(url.replace(/\/?$/, `/${prefix}`), {
      headers: { 'add-padding': 'true' },
      accept: ['text/plain'],
      limitBytes: answerLimit,
      timeoutMs: timeLimit,
    })
    if (status !== 200) throw new Error(`the list of breached passwords answered ${status}`)
    return text.split('\n')
  }

const rangeFromFile =
  (path: string): FindRange =>
  async (prefix) => {
    if ((await stat(path)).isDirectory()) return (await readFile(join(path, `${prefix}.txt`), 'utf8')).split('\n')
    return findInSortedFile(path, prefix)
  }

/** Bytes that are read at a time. */
const chunkSize = 65_536

/** The lines of a sorted file that begin with a prefix: by halves, so that a file of 40 GB takes some thirty reads. */
async function findInSortedFile(path: string, prefix: string): Promise<readonly string[]> {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    const readAt = async (position: number): Promise<string> => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(chunkSize), 0, chunkSize, position)
      return buffer.toString('latin1', 0, bytesRead)
    }
    let [low, high] = [0, size]
    while (high - low > chunkSize / 2) {
      const middle = Math.floor((low + high) / 2)
      const text = await readAt(middle)
      const first = text
        .slice(text.indexOf('\n') + 1)
        .slice(0, prefixLength)
        .toUpperCase()
      if (first < prefix) low = middle
      else high = middle
    }
    const found: string[] = []
    for (let position = low; position < size; position += chunkSize / 2) {
      const lines = (await readAt(position)).split('\n')
      // The first is the end of another, unless the file begins here; the last may be cut, unless the file ends there.
      const whole = lines.slice(position === 0 ? 0 : 1, position + chunkSize < size ? -1 : undefined)
      found.push(...whole.filter((line) => line.toUpperCase().startsWith(prefix)))
      if (whole.some((line) => line.slice(0, prefixLength).toUpperCase() > prefix)) break
    }
    return found
  } finally {
    await file.close()
  }
}

function withinTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the list of breached passwords took too long')), timeLimit)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
