import type { ClientId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { databaseKinds, TestDatabases } from '@gatehouse/store/testing/databases'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { basic, type StartedAuth, startAuth } from '../testing/start-auth.ts'
import { createDecoupledRequests } from './decoupled-requests.ts'
import { getUserByName } from './users.ts'

const databases = new TestDatabases()
let started: StartedAuth
afterEach(() => started.close())
afterAll(() => databases.stop())

const ids = ['desk-1', 'desk-2', 'desk-3', 'desk-4', 'desk-5', 'desk-6', 'desk-7', 'desk-8']

describe.each(databaseKinds)('a request by CIBA on %s', (kind) => {
  const start = async (): Promise<void> => {
    const { store, clock } = await databases.openNew(kind)
    const grantTypes = ['urn:openid:params:grant-type:ciba'] as const
    started = await startAuth({ store, clock, clients: ids.map((id) => ({ id, grantTypes, secret: 'secret-of-it' })) })
  }

  it('is there with its mail, of many clients at once, within what one address gets', async () => {
    await start()
    const form = { scope: 'openid', login_hint: 'alice' }
    const answers = await Promise.all(
      ids.map((id) => started.postForm('/oauth/backchannel', form, basic(id, 'secret-of-it'))),
    )
    expect(answers.map(({ status }) => status)).toEqual(ids.map(() => 200))
    const { id } = await getUserByName(started, 'alice')
    expect(await started.store.decoupledRequests.listPending(id, started.clock.now())).toHaveLength(ids.length)
    expect(await started.mails('approval_request')).toHaveLength(5)
  })

  it('is not there where the mail about it cannot be queued', async () => {
    await start()
    const { store, clock, auth } = started
    const requests = createDecoupledRequests({
      ...{ store, clock, pings: { seal: () => '' } },
      approvalMails: { queue: () => Promise.reject(new GatehouseError('temporarily_unavailable')) },
    })
    const client = await auth.clients.find('desk-1' as ClientId)
    if (!client) throw new Error('it is configured')
    const user = await getUserByName(started, 'alice')
    const asked = { client, user, scope: 'openid', audiences: [], details: undefined, address: '192.0.2.1' }
    const ofCiba = { bindingMessage: undefined, lifetime: 600, notificationToken: undefined }
    await expect(requests.beginBackchannel({ ...asked, ...ofCiba })).rejects.toThrow(GatehouseError)
    expect(await requests.listPending(user.id)).toEqual([])
  })
})
