import type { ClientId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { afterEach, describe, expect, it } from 'vitest'
import { type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { createDecoupledRequests } from './decoupled-requests.ts'
import { getUserByName } from './users.ts'

let started: StartedAuth
afterEach(() => started.close())

describe('a request by CIBA', () => {
  it('is not there where the mail about it cannot be queued', async () => {
    started = await startAuth()
    const { store, clock, auth } = started
    const requests = createDecoupledRequests({
      ...{ store, clock, pings: { seal: () => '' } },
      approvalMails: { queue: () => Promise.reject(new GatehouseError('temporarily_unavailable')) },
    })
    const client = await auth.clients.find('reports' as ClientId)
    if (!client) throw new Error('it is in the file')
    const user = await getUserByName(started, 'alice')
    const asked = { client, user, scope: 'openid', audiences: [], details: undefined, address: '192.0.2.1' }
    const ofCiba = { bindingMessage: undefined, lifetime: 600, notificationToken: undefined }
    await expect(requests.beginBackchannel({ ...asked, ...ofCiba })).rejects.toThrow(GatehouseError)
    expect(await requests.listPending(user.id)).toEqual([])
  })
})
