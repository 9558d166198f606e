import { noRegistration, startAuth } from '@gatehouse/auth/testing/start-auth'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Provider, startProvider, web } from '../rfc/provider.ts'
import { refusing } from './refusal.ts'

/** Redirect URIs by which an answer could be led to somebody else. */

let provider: Provider
beforeAll(async () => {
  const patterns = ['https://foo.example/cb', 'https://q.example/cb?a=1', 'com.example.app:/cb', 'http://127.0.0.1/cb']
  provider = await startProvider({}, [
    { ...web, id: 'patterns', metadata: { ...web.metadata, redirect_uris: patterns } },
  ])
})
afterAll(() => provider.close())

describe('redirect URIs that only look like a registered one', () => {
  const spellings = [
    'http://localhost:80@evil.test',
    'http://127.0.0.1:80@evil.test',
    'http://127.0.0.1@evil.test/cb',
    'https://app.example.com.evil.test/cb',
    'https://app.example.com@evil.test/cb',
    'https://evil.test/https://app.example.com/cb',
    'https://evil.test#https://app.example.com/cb',
    'https://evil.test?https://app.example.com/cb',
    '//evil.test/cb',
    '///evil.test/cb',
    '/\\evil.test/cb',
    '\\\\evil.test/cb',
    'https:evil.test/cb',
    'https:/evil.test/cb',
    'https:\\\\evil.test\\cb',
    'https://app.example.com\\@evil.test/cb',
    'https://app.example.com%2eevil.test/cb',
    'https://app.example.com%00.evil.test/cb',
    'https://app.example.com/cb%00',
    'https://app.example.com/cb%2f..',
    'https://app.example.com/cb/..',
    'https://app.example.com/%2e%2e/cb',
    'https://app.example.com/a/../cb',
    'https://app.example.com/./cb',
    'https://app.example.com//cb',
    'https://app.example.com/cb/',
    'https://app.example.com/cb;x=1',
    'https://app.example.com/cb?',
    'https://app.example.com/cb?x',
    'https://app.example.com/cb#',
    'https://app.example.com/cb#x',
    'https://app.example.com/CB',
    'https://APP.example.com/cb',
    'HTTPS://app.example.com/cb',
    'http://app.example.com/cb',
    'https://app.example.com:443/cb',
    'https://app.example.com:8443/cb',
    'https://app.example.com./cb',
    'https://аpp.example.com/cb', // a Cyrillic letter
    'https://app。example.com/cb', // an ideographic full stop
    'https://xn--pp-8kc.example.com/cb',
    'https://[::1%25eth0]/cb',
    'http://[::ffff:127.0.0.1]/cb',
    'http://0x7f.1/cb',
    'http://2130706433/cb',
    'http://127.1/cb',
    'http://127.0.0.1:/cb',
    'http://127.0.0.1:080/cb/..',
    'https://app.example.com/cb\t',
    'https://app.example.com/cb\n',
    'https://app.example.com/c\tb',
    ' https://app.example.com/cb',
    'https://app.example.com/cb ',
    'https://app.example.com/cb\u0000',
    'https://app.example.com/cb\u2028',
    'javascript:alert(1)//https://app.example.com/cb',
    'JavaScript:alert(1)',
    'data:text/html,<script>1</script>',
    'vbscript:x',
    'blob:https://app.example.com/x',
    'file:///cb',
    'view-source:https://app.example.com/cb',
    'about:blank',
  ]

  it('lead to a page and nowhere else, by redirect or by form, by GET, by POST and when pushed', async () => {
    for (const redirect_uri of spellings) {
      for (const response_mode of ['query', 'form_post']) {
        const given = provider.parameters({ redirect_uri, response_mode })
        for (const send of [
          () => provider.browser.get(`/oauth/authorize?${new URLSearchParams(given)}`),
          () => provider.browser.post('/oauth/authorize', given),
        ]) {
          const page = await refusing(provider, send)
          expect([page.status, page.headers.get('location')], redirect_uri).toEqual([400, null])
          expect(page.text, redirect_uri).not.toMatch(/evil|<form/)
        }
      }
      const pushed = await provider.post('/oauth/par', provider.parameters({ redirect_uri }))
      expect([pushed.status, pushed.body.error], redirect_uri).toEqual([400, 'invalid_request'])
    }
  })

  it.each([
    'https://fooaexample/cb',
    'https://foo.example/cbb',
    'https://foo.exampleXcb',
    'https://q.example/cb?a=1&b=2',
    'https://q.example/cb?a=2',
    'https://q.example/cb',
    'https://q.example/cb?b=2&a=1',
    'com.example.app:/cb/x',
    'com.example.app://cb',
    'com.example.other:/cb',
    'https://127.0.0.1/cb',
  ])('a registered one is text and no pattern: %s', async (redirect_uri) => {
    const page = await provider.browser.get(provider.authorizePath({ client_id: 'patterns', redirect_uri }))
    expect([page.status, page.headers.get('location')]).toEqual([400, null])
  })

  it('none is learnt from use', async () => {
    const learnt = { redirect_uri: 'https://first.example/cb' }
    for (const _ of [1, 2]) expect((await provider.browser.get(provider.authorizePath(learnt))).status).toBe(400)
    const none = await startAuth({
      settings: {
        registration: { ...noRegistration, mode: 'open', grantTypes: ['authorization_code', 'client_credentials'] },
      },
    })
    const said = { grant_types: ['authorization_code'], redirect_uris: [] }
    expect((await none.postJson('/oauth/register', said)).status).toBe(400)
    await none.close()
  })
})
