import type { IncomingMessage, ServerResponse } from 'node:http'
import { paths } from '@gatehouse/core/paths'

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
}

/** How long one look at the database serves everybody who asks, in milliseconds. */
const reuse = 500

/**
 * /livez says that the process runs; /readyz that it can do its work: the database answers, the revocations are loaded,
 * and it is not stopping.
 */
export function createHealth({ ping, revocationsCurrent }: Dependencies): Health {
  let isStopping = false
  let last: { readonly at: number; readonly outcome: Promise<string> } | undefined

  const checkDatabase = (): Promise<string> => {
    const now = performance.now()
    if (!last || now - last.at > reuse) {
      last = {
        at: now,
        outcome: ping().then(
          () => 'ready',
          () => 'the database does not answer',
        ),
      }
    }
    return last.outcome
  }
  const findState = async (): Promise<string> => {
    if (isStopping) return 'stopping'
    if (!revocationsCurrent()) return 'the revocations are not loaded'
    return checkDatabase()
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
          ? send(response, 200, '{"status":"ready"}')
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
