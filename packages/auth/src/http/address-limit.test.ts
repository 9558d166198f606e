import { ManualClock } from '@gatehouse/core/time'
import { describe, expect, it } from 'vitest'
import { newPkce, TestBrowser } from '../testing/browser.ts'
import { issuer, startAuth } from '../testing/start-auth.ts'
import { createAddressLimit, rowsFor } from './address-limit.ts'

describe('a limit by address', () => {
  it('refuses past so many a minute, an IPv6 network as one, and nobody else', () => {
    const clock = new ManualClock()
    const limit = createAddressLimit(clock, 2)
    limit.take('2001:db8::1')
    limit.take('2001:db8::2')
    expect(() => limit.take('2001:db8::3')).toThrow(expect.objectContaining({ code: 'too_many_requests' }))
    limit.take('192.0.2.1')
    clock.advance(60)
    limit.take('2001:db8::1')
  })

  it('counts what is large as several', () => {
    const limit = createAddressLimit(new ManualClock(), 10)
    limit.take('192.0.2.1', rowsFor('x'))
    limit.take('192.0.2.1', rowsFor('x'.repeat(4096 * 8 + 1)))
    expect(() => limit.take('192.0.2.1')).toThrow(expect.objectContaining({ code: 'too_many_requests' }))
  })

  it('keeps one address from filling the database with flows', async () => {
    const started = await startAuth({
      clients: [
        {
          id: 'web',
          grantTypes: ['authorization_code'],
          metadata: { redirect_uris: ['https://app.example.com/cb'] },
        },
      ],
    })
    const query = new URLSearchParams({
      client_id: 'web',
      redirect_uri: 'https://app.example.com/cb',
      response_type: 'code',
      code_challenge: newPkce().challenge,
      code_challenge_method: 'S256',
    })
    const statuses = new Set<number>()
    for (let round = 0; round < 21; round += 1) {
      const pages = Array.from({ length: 50 }, () =>
        new TestBrowser(started.url, issuer).get(`/oauth/authorize?${query}`),
      )
      for (const page of await Promise.all(pages)) statuses.add(page.status)
    }
    await started.close()
    expect([...statuses].sort()).toEqual([200, 429])
  })
})
