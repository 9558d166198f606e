import { createHmac } from 'node:crypto'
import type { Seconds, UserId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { randomToken } from '@gatehouse/core/random'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { MailRow } from '@gatehouse/store/rows'
import type { Store, Tables } from '@gatehouse/store/store'
import { recordEvent } from '../domain/audit.ts'
import type { KeyRing } from '../domain/key-rings.ts'
import { sealUnder, unsealUnder } from '../domain/ring-sealing.ts'
import { DeliveryError, type MailSender, type OutgoingMail } from './delivery.ts'
import type { MailKind } from './letters.ts'
import type { RenderedMail } from './render-mail.ts'

/** What became of a mail, for the counters. */
export type MailResult = 'queued' | 'too_many' | 'full' | 'delivered' | 'delayed' | 'given_up'

/** A mail that is to be sent. */
export interface QueuedMail {
  readonly kind: MailKind
  /**
   * Where it goes; undefined = nowhere: somebody whom nobody knows has asked for it, and whoever asks must not find out by
   * how long it takes.
   */
  readonly to: string | undefined
  /** What the limit counts by: the address as it is compared, or what a stranger has typed in its place. */
  readonly countedAs: string
  readonly userId: UserId | undefined
  readonly content: RenderedMail
  /** After that it would tell nothing any more, such as where its link has expired; left out: a day. */
  readonly goodFor?: Seconds
}

/** What is on its way to people. */
export interface Outbox {
  /**
   * Queues a mail in the transaction of what it tells of. What is over the limits is dropped, and nobody but the counters
   * hears of it: a stranger must not learn what others have been sent. Answers whether it was queued, for what only makes
   * sense if it is. Cost: two statements.
   */
  queue(tables: Tables, mail: QueuedMail): Promise<boolean>
  /**
   * Sends what is due, some of it at a time, and waits for the outcome. What does not arrive is tried again, later each
   * time, until it is given up, which is audited. Answers how many have arrived. Never rejects for what another server does.
   */
  deliver(): Promise<number>
  /** The newest mails, opened: for the inbox of development mode. */
  listNewest(limit: number): Promise<readonly InboxMail[]>
  /** Ends what is under way: it is tried again by whoever comes next. */
  close(): void
}

/** A mail in the inbox of development mode. */
export interface InboxMail extends OutgoingMail {
  readonly createdAt: Seconds
}

/** Which way each kind goes, and what there may be of them. */
export interface OutboxOptions {
  readonly senders: Partial<Readonly<Record<MailRow['channel'], MailSender>>>
  /** Which way a kind of mail goes; undefined = there is none, and nobody is sent it. */
  readonly channelOf: (kind: MailKind) => 'mail' | 'webhook' | undefined
  /** Whether what has arrived is kept for the inbox. */
  readonly keepsDelivered: boolean
  /** Mails that may be under way at a time. */
  readonly most: number
  /** Mails of one kind that one recipient gets within ten minutes. */
  readonly perRecipient: number
  /** Called once a mail is queued, before its transaction commits. */
  readonly onQueued: () => void
  readonly onResult: (result: MailResult) => void
  /** Hears why an attempt has failed: for the log, and nothing in it is secret but to whom it was. */
  readonly onFailure: (error: unknown) => void
}

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly ring: KeyRing
}

/** Seconds over which a recipient's mails are counted. Spec: ASVS 6.6.4. */
const countedFor = 600
/** Seconds after which a mail is given up that nothing else ends. */
const usualLife = seconds(86_400)
/** Mails that one process sends at a time by each channel. */
const atATime = 10
const channels = ['mail', 'webhook', 'nowhere'] as const satisfies readonly MailRow['channel'][]
/** Seconds within which an attempt is over, whatever happens to it; another process then may try. */
const attemptLimit = 60
/** Seconds between attempts: the n-th failure is followed by the n-th of these, and then by the last. */
const pauses = [10, 60, 300, 1800]
/** The least pause, where the mail's time runs out. */
const leastPause = 10

const placeOf = (id: string): string => `mails.sealed:${id}`

export function createOutbox({ store, clock, ring }: Dependencies, options: OutboxOptions): Outbox {
  const { senders, onResult } = options
  let closed = false
  /**
   * In this process, over all runs: one that hangs keeps the others from nothing but its own place, and a mail server that
   * hangs keeps nothing from the webhook.
   */
  const underWay: Record<MailRow['channel'], number> = { mail: 0, webhook: 0, nowhere: 0 }

  /** Whether a recipient may get one more of a kind. */
  const mayHave = async (tables: Tables, { kind, countedAs }: QueuedMail): Promise<boolean> => {
    const now = clock.now()
    // By a MAC: the table must not become a list of the addresses that somebody has ever typed.
    const who = createHmac('sha256', ring.current.key).update(countedAs).digest('base64url')
    const [row] = await tables.signInFailures.record([
      { key: `mail:${kind}:${who}`, at: now, expires_at: seconds(now + countedFor) },
    ])
    return (row?.count ?? 1) <= options.perRecipient
  }

  const dropped = (result: 'too_many' | 'full'): false => {
    onResult(result)
    return false
  }

  const open = (row: MailRow): OutgoingMail | undefined => {
    const text = unsealUnder(ring, row.sealed, placeOf(row.id))
    // Only `queue` below makes what opens here.
    const content = text === undefined ? undefined : (JSON.parse(text) as RenderedMail & { readonly to: string })
    return content && { ...content, id: row.id, kind: row.kind, userId: row.user_id ?? undefined }
  }

  const giveUp = async ({ id, kind, user_id, attempts }: MailRow, why: string): Promise<void> => {
    await store.transaction(async (tables) => {
      await tables.mails.delete(id)
      const detail = { kind, attempts }
      await recordEvent(tables, clock, { type: 'mail_given_up', result: why, target: user_id, detail })
    })
    onResult('given_up')
  }

  const postpone = async (row: MailRow): Promise<void> => {
    const now = clock.now()
    const left = row.expires_at - now
    const pause = pauses[Math.min(row.attempts, pauses.length) - 1] ?? leastPause
    // A link that is good for a few minutes is not left lying for half an hour.
    const wait = Math.min(pause, Math.max(leastPause, Math.floor(left / 4)))
    if (wait >= left) return giveUp(row, 'undeliverable')
    await store.mails.postpone({ id: row.id, next_attempt_at: seconds(now + wait) })
    onResult('delayed')
  }

  /** Takes as many as there is room for; each gives its place back when its attempt is over. */
  const takeDue = async (channel: MailRow['channel'], room: number): Promise<readonly MailRow[]> => {
    underWay[channel] += room
    let taken = 0
    try {
      const now = clock.now()
      const due = await store.mails.take({ now, until: seconds(now + attemptLimit), limit: room, channel })
      taken = due.length
      return due
    } finally {
      underWay[channel] -= room - taken
    }
  }

  const deliverOne = async (row: MailRow): Promise<boolean> => {
    try {
      return await attempt(row)
    } finally {
      underWay[row.channel] -= 1
    }
  }

  const attempt = async (row: MailRow): Promise<boolean> => {
    if (row.channel === 'nowhere') {
      await store.mails.delete(row.id)
      return false
    }
    const mail = open(row)
    if (!mail) return giveUp(row, 'unreadable').then(() => false)
    if (row.expires_at <= clock.now()) return giveUp(row, 'expired').then(() => false)
    const sender = senders[row.channel]
    const failure = await (sender ? sender.send(mail) : Promise.reject(noSender())).then(
      () => undefined,
      (error: unknown) => error,
    )
    if (failure !== undefined) {
      options.onFailure(failure)
      const isFinal = failure instanceof DeliveryError && failure.isFinal
      await (isFinal ? giveUp(row, 'refused') : postpone(row))
      return false
    }
    if (options.keepsDelivered) await store.mails.keepDelivered({ id: row.id, at: clock.now() })
    else await store.mails.delete(row.id)
    onResult('delivered')
    return true
  }

  const deliverBy = async (channel: MailRow['channel']): Promise<number> => {
    let arrived = 0
    while (!closed && underWay[channel] < atATime) {
      const due = await takeDue(channel, atATime - underWay[channel])
      const outcomes = await Promise.allSettled(due.map(deliverOne))
      arrived += outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value).length
      if (due.length === 0) break
    }
    return arrived
  }

  return {
    async queue(tables, mail) {
      const { to, kind, content, userId, goodFor = usualLife } = mail
      checkHeaders([to ?? '', content.subject])
      const channel = options.channelOf(kind)
      if (channel === undefined) return false
      if (!(await mayHave(tables, mail))) return dropped('too_many')
      const id = randomToken(16)
      const now = clock.now()
      const row: MailRow = {
        ...{ id, kind, user_id: userId ?? null, attempts: 0, delivered_at: null },
        channel: to === undefined ? 'nowhere' : channel,
        sealed: sealUnder(ring, JSON.stringify({ ...content, to: to ?? '' }), placeOf(id)),
        ...{ next_attempt_at: now, created_at: now, expires_at: seconds(now + goodFor) },
      }
      if (!(await tables.mails.insert(row, options.most))) return dropped('full')
      onResult('queued')
      options.onQueued()
      return true
    },

    async deliver() {
      const runs = await Promise.allSettled(channels.map(deliverBy))
      // Only the database can fail here.
      return runs.reduce((sum, run) => {
        if (run.status === 'rejected') throw run.reason
        return sum + run.value
      }, 0)
    },

    async listNewest(limit) {
      const rows = await store.mails.listNewest(limit)
      return rows.flatMap((row) => {
        const mail = row.channel === 'nowhere' ? undefined : open(row)
        return mail ? [{ ...mail, createdAt: row.created_at }] : []
      })
    },

    close() {
      closed = true
      for (const sender of Object.values(senders)) sender.close()
    },
  }
}

const noSender = (): DeliveryError => new DeliveryError('no way to send it is configured', { isFinal: false })

/** Refuses what would be further headers of a mail. Threat: header injection by a name that ends up in a subject. */
function checkHeaders(values: readonly string[]): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (values.some((value) => /[\u0000-\u001f\u007f\u2028\u2029]/.test(value)))
    throw new GatehouseError('server_error', { cause: new Error('a header of a mail with a control character') })
}
