import type { IncomingMessage, ServerResponse } from 'node:http'
import { paths } from '@gatehouse/core/paths'
import type { WriteTrouble } from '@gatehouse/store/write-watch'

/** Answers /livez and /readyz. */
export interface Health {
  answer(request: IncomingMessage, response: ServerResponse, path: string): void
  /** From now on not ready: the process is stopping. */
  stopping(): void
}

interface Dependencies {
  /** Resolves while the database answers; must reject within about a second where it does not. */
  readonly ping: () => Promise<void>
  /** Whether the revocations have been loaded. */
  readonly revocationsCurrent: () => boolean
  /** Why the last write failed, until one succeeds. */
  readonly writeTrouble: () => WriteTrouble | undefined
}

/** What strangers may hear of it. */
export const troubleWords: Readonly<Record<WriteTrouble, string>> = {
  full: 'the disk of the database is full',
  failing: 'the disk of the database fails',
  'read-only': 'the database is read-only',
  locked: 'the database is locked by another process',
  damaged: 'the database is damaged',
}

/** How long one look at the database serves everybody who asks, in milliseconds. */
const reuse = 500

/**
 * /livez says that the process runs; /readyz that it can do its work: the database answers, the revocations are loaded,
 * and it is not stopping. Where writes fail it is ready all the same, and says so: tokens are checked and requests forwarded
 * without any, and where there is one process alone, nothing would be left. A damaged database can be trusted with nothing.
 */
export function createHealth({ ping, revocationsCurrent, writeTrouble }: Dependencies): Health {
  let isStopping = false
  let last: { readonly at: number; readonly outcome: Promise<string> } | undefined

  const checkDatabase = (): Promise<string> => {
    const now = performance.now()
    if (!last || now - last.at > reuse) {
      last = {
        at: now,
        outcome: ping().then(
          () => 'ready',
          // One that keeps out readers too.
          () => (writeTrouble() === 'locked' ? troubleWords.locked : 'the database does not answer'),
        ),
      }
    }
    return last.outcome
  }
  const findState = async (): Promise<string> => {
    if (isStopping) return 'stopping'
    if (!revocationsCurrent()) return 'the revocations are not loaded'
    if (writeTrouble() === 'damaged') return troubleWords.damaged
    return checkDatabase()
  }
  const ready = (): string => {
    const trouble = writeTrouble()
    return JSON.stringify({
      status: 'ready',
      ...(trouble !== undefined && { writes: 'failing', reason: troubleWords[trouble] }),
    })
  }
  return {
    answer(request, response, path) {
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        response.writeHead(405, { allow: 'GET, HEAD', 'content-length': 0 }).end()
        return
      }
      if (path === paths.live) return send(response, 200, '{"status":"live"}')
      void findState().then((state) =>
        state === 'ready'
          ? send(response, 200, ready())
          : send(response, 503, JSON.stringify({ status: 'not_ready', reason: state })),
      )
    },
    stopping() {
      isStopping = true
    },
  }
}

function send(response: ServerResponse, status: number, text: string): void {
  response
    .writeHead(status, {
      'content-type': 'application/json',
      'content-length': text.length,
      'cache-control': 'no-store',
    })
    .end(text)
}
