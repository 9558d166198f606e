import { hash } from 'node:crypto'
import type { UserId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import type { JsonObject } from '@gatehouse/core/json'
import { newGrantId, randomToken } from '@gatehouse/core/random'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { DecoupledRequestRow, UserRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'
import type { ApprovalMails } from './approval-mails.ts'
import type { BackchannelPings } from './backchannel-pings.ts'
import type { Client } from './clients.ts'
import { hashUserCode, newUserCode } from './user-codes.ts'

/** Seconds that a user has for the decision (10 minutes). Spec: RFC 8628 section 3.2. */
export const decisionTime = 600
/** Seconds between two polls, unless a client has asked too often. */
export const pollInterval = 5
/** Seconds for which a request that is over is still told from one that never was. */
const rememberedFor = 600
/** Tries at finding a user code that is free: of 25,600,000,000 there is hardly ever a second one. */
const userCodeTries = 3

const prefixes = { device: 'ghd_', ciba: 'ghb_' } as const satisfies Record<DecoupledRequestRow['kind'], string>

/** What a client asks for, checked. */
export interface RequestedAccess {
  readonly client: Client
  readonly scope: string
  readonly audiences: readonly string[]
  readonly details: readonly JsonObject[] | undefined
  /** From where it was asked. */
  readonly address: string
}

/** Whom a client asks, and how. */
export interface BackchannelRequest extends RequestedAccess {
  readonly user: UserRow
  readonly bindingMessage: string | undefined
  /** Seconds. */
  readonly lifetime: number
  /** By which the client knows our ping; undefined = it polls. */
  readonly notificationToken: string | undefined
}

/** A code as it is presented at the token endpoint. */
export interface PresentedRequest {
  readonly kind: DecoupledRequestRow['kind']
  /** The device_code or auth_req_id. */
  readonly code: string
  readonly client: Client
}

/** Requests on which a user decides at another place than where they were made: the device flow, and CIBA. */
export interface DecoupledRequests {
  /** The device code, 47 characters, and the user code, 8 letters. Cost: one statement. */
  beginDevice(asked: RequestedAccess): Promise<{ readonly deviceCode: string; readonly userCode: string }>
  /** The auth_req_id, 47 characters; the user is told by mail. Cost: one transaction. */
  beginBackchannel(asked: BackchannelRequest): Promise<string>
  /** One that waits for a decision. */
  findByUserCode(userCode: string): Promise<DecoupledRequestRow | undefined>
  /** One that waits for a decision. Error: `not_found`. */
  getPending(hash: string): Promise<DecoupledRequestRow>
  /** Those that are addressed to a user and wait for the decision, the oldest first. */
  listPending(user: UserId): Promise<readonly DecoupledRequestRow[]>
  /**
   * The request of a code, once its user has agreed. Spec: RFC 8628 section 3.5, CIBA Core section 11.
   * Errors: `authorization_pending`, `slow_down`, `access_denied`, `expired_token`, and `invalid_grant` for a code that is
   * unknown, another client's or used: another client's poll changes nothing. Cost: one read, and one write while pending.
   */
  getApproved(presented: PresentedRequest): Promise<DecoupledRequestRow>
}

const hashCode = (code: string): string => hash('sha256', code, 'base64url')

interface Dependencies {
  readonly store: Pick<Store, 'decoupledRequests' | 'transaction'>
  readonly clock: Clock
  readonly pings: Pick<BackchannelPings, 'seal'>
  readonly approvalMails: ApprovalMails
}

export function createDecoupledRequests({ store, clock, pings, approvalMails }: Dependencies): DecoupledRequests {
  const { decoupledRequests } = store

  const buildRow = (
    kind: DecoupledRequestRow['kind'],
    code: string,
    { client, scope, audiences, details, address }: RequestedAccess,
    lifetime: number,
  ): DecoupledRequestRow => {
    const now = clock.now()
    const usableUntil = seconds(now + lifetime)
    return {
      hash: hashCode(code),
      kind,
      user_code_hash: null,
      client_id: client.id,
      user_id: null,
      scope,
      audience: audiences.join(' '),
      authorization_details: details ? JSON.stringify(details) : null,
      binding_message: null,
      status: 'pending',
      session_id: null,
      auth_time: null,
      acr: null,
      amr: null,
      roles: null,
      grant_id: newGrantId(),
      sealed_notification_token: null,
      poll_interval: pollInterval,
      polled_at: null,
      address,
      created_at: now,
      usable_until: usableUntil,
      expires_at: seconds(usableUntil + rememberedFor),
      role_scope: '',
      organisation_id: null,
      membership_version: null,
      factor_at: null,
    }
  }

  return {
    async beginDevice(asked) {
      const deviceCode = prefixes.device + randomToken(32)
      const row = buildRow('device', deviceCode, asked, decisionTime)
      for (let tries = 1; ; tries += 1) {
        const userCode = newUserCode()
        try {
          await decoupledRequests.insert({ ...row, user_code_hash: hashUserCode(userCode) })
          return { deviceCode, userCode }
        } catch (error) {
          const isTaken = error instanceof GatehouseError && error.code === 'already_exists'
          if (!isTaken || tries === userCodeTries) throw error
        }
      }
    },

    async beginBackchannel(asked) {
      const id = prefixes.ciba + randomToken(32)
      const row = buildRow('ciba', id, asked, asked.lifetime)
      const { user, client, notificationToken: token } = asked
      const request = {
        ...row,
        user_id: user.id,
        binding_message: asked.bindingMessage ?? null,
        sealed_notification_token: token === undefined ? null : pings.seal(row.hash, { authRequestId: id, token }),
      }
      await store.transaction(async (tables) => {
        await tables.decoupledRequests.insert(request)
        await approvalMails.queue(tables, { user, client, request })
      })
      return id
    },

    async findByUserCode(userCode) {
      const row = await decoupledRequests.findByUserCode(hashUserCode(userCode), clock.now())
      return row?.status === 'pending' ? row : undefined
    },

    async getPending(hashed) {
      const row = await decoupledRequests.find(hashed)
      if (row?.status !== 'pending' || row.usable_until <= clock.now()) throw overError()
      return row
    },

    listPending: (user) => decoupledRequests.listPending(user, clock.now()),

    async getApproved({ kind, code, client }) {
      const row = await decoupledRequests.find(hashCode(code))
      if (row?.kind !== kind || row.client_id !== client.id) throw refused('the code is unknown, or another client’s')
      if (row.status === 'consumed') throw refused('the code has been used')
      if (row.status === 'denied') throw new GatehouseError('access_denied')
      const now = clock.now()
      if (row.usable_until <= now) throw new GatehouseError('expired_token')
      if (row.status === 'approved') return row
      const isOnTime = await decoupledRequests.poll({ hash: row.hash, now })
      throw new GatehouseError(isOnTime ? 'authorization_pending' : 'slow_down')
    },
  }
}

const refused = (why: string): GatehouseError => new GatehouseError('invalid_grant', { cause: new Error(why) })

/** What a user is told of a request on which there is nothing to decide any more. */
export const overError = (): GatehouseError =>
  new GatehouseError('not_found', { description: 'This request has expired, or has been decided on' })
