import type { ClientNotice } from '@gatehouse/auth/domain/client-notice'
import type { ClientId } from '@gatehouse/core/brand'
import { expect, it } from 'vitest'
import { createClientNoticeLog } from './client-notice-log.ts'
import type { Logger } from './log.ts'
import { PairCounter } from './metrics.ts'

it('says once of a client that it is not told, once that one notice is given up, and that it works again', () => {
  const lines: string[] = []
  const note =
    (level: string) =>
    ({ client_id, why }: { client_id: string; why?: string }, message: string) =>
      lines.push(`${level} ${client_id}: ${message}${why === undefined ? '' : ` (${why})`}`)
  // Of the log no more is used.
  const log = { warn: note('warn'), info: note('info') } as unknown as Pick<Logger, 'info' | 'warn'>
  const counter = new PairCounter('notices', 'Notices', ['kind', 'result'])
  const hear = createClientNoticeLog(log, counter)
  const notice = (result: ClientNotice['result'], clientId = 'web', kind: ClientNotice['kind'] = 'logout') =>
    hear({ kind, clientId: clientId as ClientId, result, ...(result === 'delivered' ? {} : { why: 'refused' }) })

  notice('delivered')
  expect(lines).toEqual([])
  for (let count = 0; count < 100; count += 1) notice('failed')
  notice('failed', 'other')
  for (let count = 0; count < 100; count += 1) notice('given_up')
  notice('delivered')
  notice('failed')
  notice('given_up', 'till', 'ping')
  expect(lines).toEqual([
    'warn web: a client is not told of sessions that end, which is tried again later (refused)',
    'warn other: a client is not told of sessions that end, which is tried again later (refused)',
    'warn web: a client was not told that a session has ended: given up (refused)',
    'info web: a client is told again of sessions that end',
    'warn web: a client is not told of sessions that end, which is tried again later (refused)',
    'warn till: a client was not told of a decision: given up; it may ask for itself (refused)',
  ])
  expect(counter.render()).toContain('notices{kind="logout",result="failed"} 102')
  expect(counter.render()).toContain('notices{kind="ping",result="given_up"} 1')
})
