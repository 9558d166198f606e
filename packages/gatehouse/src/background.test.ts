import { startAuth } from '@gatehouse/auth/testing/start-auth'
import { ManualClock, seconds } from '@gatehouse/core/time'
import { TestDatabases } from '@gatehouse/store/testing/databases'
import { goBack } from '@gatehouse/store/testing/go-back'
import { afterAll, expect, it } from 'vitest'
import { startBackground } from './background.ts'
import type { Logger } from './telemetry/log.ts'
import { createTelemetry } from './telemetry/telemetry.ts'

const databases = new TestDatabases()
afterAll(() => databases.stop())

it('says once, in plain words, that the database has gone back', async () => {
  const clock = new ManualClock()
  const { url, store } = await databases.open(await databases.newUrl('a SQLite file'), clock)
  const started = await startAuth({ store, clock })
  const warnings: unknown[] = []
  // The three calls that are made.
  const log = { info() {}, error() {}, warn: (said: unknown) => warnings.push(said) } as unknown as Logger
  const telemetry = createTelemetry()
  const background = startBackground({
    ...{ store, log, telemetry, auth: started.auth, isPrimary: false },
    auditFrom: () => seconds(0),
    writeRefusals: async () => {},
  })
  const { revocations } = started.auth
  const write = (value: string) =>
    revocations.write(store, [{ kind: 'jti', value, issued_before: null, expires_at: seconds(clock.now() + 300) }])
  await write('lost')
  await revocations.follow()
  expect(warnings).toEqual([])
  await goBack(url, 0)
  await write('instead')
  await write('after')
  await revocations.follow()
  await revocations.follow()
  expect(warnings).toEqual([expect.stringMatching(/^the database has lost revocations .*docs\/guides\/backup\.md/)])
  await background.stop()
  await started.close()
})

it('writes which clients were refused, also as it stops', async () => {
  const clock = new ManualClock()
  const started = await startAuth({ clock })
  const log = { info() {}, error() {}, warn() {} } as unknown as Logger // the three calls that are made
  const background = startBackground({
    ...{ store: started.store, log, telemetry: createTelemetry(), auth: started.auth, isPrimary: false },
    auditFrom: () => seconds(0),
    writeRefusals: async () => {},
  })
  const ask = () => started.postForm('/oauth/token', { grant_type: 'client_credentials', client_id: 'nobody' })
  const counted = async () =>
    (await started.store.audit.list({ type: 'client_authentication', limit: 10 })).map(({ count }) => count)
  await ask()
  await expect.poll(counted, { timeout: 5000 }).toEqual([1])
  await ask()
  await background.stop()
  expect(await counted()).toEqual([2])
  await started.close()
})
