import type { ClientId } from '@gatehouse/core/brand'
import { explainFailure } from '../outbound/explain-failure.ts'
import type { OutboundAnswer } from '../outbound/outbound.ts'

/** What became of one try to tell a client something: that a session has ended, or that a user has decided (CIBA). */
export interface ClientNotice {
  readonly kind: 'logout' | 'ping'
  readonly clientId: ClientId
  /** `failed`: it is tried again. */
  readonly result: 'delivered' | 'failed' | 'given_up'
  /** What was wrong, in words for the log; absent where it arrived. */
  readonly why?: string | undefined
}

/** Hears of every try, where somebody counts and logs them. */
export type OnClientNotice = (notice: ClientNotice) => void

/** Why a try came to nothing, for the log alone; `undefined` where the answer is one that is good. Never rejects. */
export const findFault = (
  answer: Promise<OutboundAnswer>,
  isGood: (status: number) => boolean,
): Promise<string | undefined> =>
  answer.then(({ status }) => (isGood(status) ? undefined : `answered with ${status}`), explainFailure)
