import type { ServerResponse } from 'node:http'
import { type Clock, seconds } from '@gatehouse/core/time'
import { describe, expect, it } from 'vitest'
import { createOutbound } from '../outbound/outbound.ts'
import { answerJson, startOpenIdProvider } from '../testing/openid-provider.ts'
import { callback, machineClock as clock, failureOf, state, useOpenIdVisits } from '../testing/openid-visits.ts'

const visits = useOpenIdVisits()
const { create, start, signIn, asked } = visits

describe('a provider that misbehaves', () => {
  const silent = () => {}
  const dripping = (_: unknown, response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    const timer = setInterval(() => response.write(' '), 100)
    response.on('close', () => clearInterval(timer))
  }
  const endless = (_: unknown, response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(`{"keys":"${'x'.repeat(300_000)}"}`)
  }
  const elsewhere = (_: unknown, response: ServerResponse) => {
    response.writeHead(302, { location: `${visits.upstream.issuer}/secret` }).end()
  }
  const page = (_: unknown, response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<p>')
  }
  const broken = (_: unknown, response: ServerResponse) => answerJson(response, {}, 503)

  it.concurrent.each([
    ['/keys', 'hangs', silent, 'unavailable'],
    ['/keys', 'drips', dripping, 'unavailable'],
    ['/keys', 'is huge', endless, 'invalid_answer'],
    ['/keys', 'leads elsewhere', elsewhere, 'invalid_answer'],
    ['/keys', 'is a page', page, 'invalid_answer'],
    ['/keys', 'is broken', broken, 'unavailable'],
    ['/.well-known/openid-configuration', 'hangs', silent, 'unavailable'],
    ['/.well-known/openid-configuration', 'leads elsewhere', elsewhere, 'invalid_answer'],
    ['/.well-known/openid-configuration', 'is broken', broken, 'unavailable'],
    ['/userinfo', 'hangs', silent, 'unavailable'],
    ['/userinfo', 'leads elsewhere', elsewhere, 'invalid_answer'],
  ] as const)('%s %s', { timeout: 15_000 }, async (path, _, answer, reason) => {
    // Tests that run at one time share nothing.
    const own = await startOpenIdProvider(() => clock.now())
    const ownOutbound = createOutbound({ allowLoopback: true })
    try {
      own.answers.set(path, answer)
      const provider = create({ issuer: own.issuer }, { outbound: ownOutbound })
      const work = async () => {
        const { url, memory } = await start(provider)
        own.giveTokens({
          access_token: 'at',
          token_type: 'bearer',
          id_token: await own.signIdToken({ nonce: url.searchParams.get('nonce') }),
        })
        const parameters = new URLSearchParams({ code: 'c', state })
        return provider.redirect?.finish({ callback, state, parameters, binding: 'query', memory })
      }
      const began = Date.now()
      expect((await failureOf(work())).reason).toBe(reason)
      expect(Date.now() - began).toBeLessThan(10_000)
      expect(own.requests.filter((request) => request.path === '/secret')).toEqual([])
    } finally {
      ownOutbound.close()
      await own.close()
    }
  })

  it('holds nobody longer than ten seconds, however many of its answers are slow', { timeout: 20_000 }, async () => {
    const slow = 4_500
    for (const [path, answer] of [...visits.upstream.answers]) {
      visits.upstream.answers.set(path, async (request, response) => {
        await new Promise((resolve) => setTimeout(resolve, slow))
        await answer(request, response)
      })
    }
    const provider = create()
    const { url, memory } = await start(provider)
    const id_token = await visits.upstream.signIdToken({ nonce: url.searchParams.get('nonce') })
    visits.upstream.answers.set('/token', async (_, response) => {
      await new Promise((resolve) => setTimeout(resolve, slow))
      answerJson(response, { access_token: 'at', token_type: 'bearer', id_token })
    })
    const began = Date.now()
    const parameters = new URLSearchParams({ code: 'c', state })
    const finish = provider.redirect?.finish({ callback, state, parameters, binding: 'query', memory })
    expect((await failureOf(finish)).reason).toBe('unavailable')
    expect(Date.now() - began).toBeLessThan(10_000)
  })

  it.each([
    [{ error: 'invalid_client' }, 401, 'misconfigured'],
    [{ error: 'invalid_grant' }, 400, 'invalid_answer'],
    [{ error: 'temporarily_unavailable' }, 400, 'unavailable'],
    [{}, 500, 'unavailable'],
    [{}, 429, 'unavailable'],
  ] as const)('a token endpoint that answers %j with %s', async (answer, status, reason) => {
    const provider = create()
    const { memory } = await start(provider)
    visits.upstream.giveTokens(answer, status)
    const parameters = new URLSearchParams({ code: 'secret-code', state })
    const finish = provider.redirect?.finish({ callback, state, parameters, binding: 'query', memory })
    const failure = await failureOf(finish)
    expect(failure.reason).toBe(reason)
    expect(`${failure.detail} ${failure.stack} ${JSON.stringify(failure)}`).not.toMatch(/secret-code|s3cr3t/)
  })

  it('leaves no token in what is logged', async () => {
    const failure = await failureOf(
      signIn({
        tokens: async () => ({ id_token: await visits.upstream.signIdToken({ nonce: 'other' }), access_token: 'at-9' }),
      }),
    )
    let text = ''
    for (let cause: unknown = failure; cause instanceof Error; cause = cause.cause) {
      text += `${cause.stack} ${JSON.stringify(cause, Object.getOwnPropertyNames(cause))}`
    }
    expect(text).not.toMatch(/eyJ|at-9/)
  })
})

describe('the document', () => {
  it.each([
    ['another issuer', { issuer: 'https://evil.example' }],
    ['the issuer and a slash', () => ({ issuer: `${visits.upstream.issuer}/` })],
  ])('is refused with %s', async (_, metadata) => {
    visits.upstream.metadata = typeof metadata === 'function' ? metadata() : metadata
    expect((await failureOf(start(create()))).reason).toBe('misconfigured')
  })

  it.each(['authorization_endpoint', 'token_endpoint', 'jwks_uri'])('is refused without %s', async (name) => {
    visits.upstream.metadata = { [name]: undefined }
    expect((await failureOf(start(create()))).reason).toBe('invalid_answer')
  })

  it('sends nobody to a script', async () => {
    visits.upstream.metadata = { authorization_endpoint: 'javascript:alert(1)' }
    expect((await failureOf(start(create()))).reason).toBe('invalid_answer')
  })

  it('that was good last serves while the provider is away, and is asked for twice a minute at the most', async () => {
    let ahead = 0
    const moving: Clock = {
      now: () => seconds(clock.now() + ahead),
      milliseconds: () => clock.milliseconds() + ahead * 1000,
    }
    const provider = create({}, { clock: moving })
    await start(provider)
    visits.upstream.answers.set('/.well-known/openid-configuration', (_, response) => answerJson(response, {}, 503))
    ahead = 3700
    for (let visits = 0; visits < 5; visits += 1) await start(provider)
    expect(asked('/.well-known/openid-configuration')).toBe(2)
    ahead = 3740
    await start(provider)
    expect(asked('/.well-known/openid-configuration')).toBe(3)
  })
})
