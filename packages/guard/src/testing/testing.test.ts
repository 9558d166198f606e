import { seconds } from '@gatehouse/core/time'
import { expect, it } from 'vitest'
import { guardNext } from '../adapters/next.ts'
import { createTestIssuer } from './index.ts'

const audience = 'https://api.example.com/orders'

it('signs whoever a test needs', async () => {
  const issuer = createTestIssuer({ audience })
  const guard = issuer.guard()
  const clerk = await guard.verify(
    issuer.token({
      subject: 'usr_ann',
      scopes: ['orders:read'],
      roles: ['clerk'],
      org: 'acme',
      acr: 'urn:gatehouse:2',
    }),
  )
  expect(clerk).toMatchObject({
    subject: 'usr_ann',
    kind: 'user',
    clientId: 'test-app',
    org: 'acme',
    acr: 'urn:gatehouse:2',
  })
  expect([[...clerk.scopes], [...clerk.roles]]).toEqual([['orders:read'], ['clerk']])
  const job = await guard.verify(issuer.token({ subject: 'nightly' }))
  expect(job).toMatchObject({ subject: 'nightly', kind: 'client', clientId: 'nightly' })
  expect(['session' in job, 'grant' in job, 'acr' in job, job.roles.size]).toEqual([false, false, false, 0])
  await expect(guard.verify(issuer.token({ type: 'identity' }))).resolves.toMatchObject({ subject: 'usr_test' })
})

it('has guards that refuse as they do anywhere', async () => {
  const issuer = createTestIssuer({ audience })
  const guard = issuer.guard()
  const refused = (token: string) => expect(guard.check(token, { scopes: ['orders:write'] })).rejects
  await refused(issuer.token()).toMatchObject({ status: 403, reason: 'insufficient_scope' })
  await refused(issuer.token({ expiresIn: -1 })).toMatchObject({ reason: 'expired' })
  await refused(issuer.token({ audience: 'https://other' })).toMatchObject({ reason: 'wrong_audience' })
  await refused(issuer.token({ claims: { jti: undefined } })).toMatchObject({ reason: 'bad_claims' })
  await refused(createTestIssuer({ audience }).token()).toMatchObject({ reason: 'unknown_key' })
  await expect(issuer.guard({ audience: 'https://other' }).verify(issuer.token())).rejects.toMatchObject({
    reason: 'wrong_audience',
  })
})

it('revokes a session, or a token that has none, at once', async () => {
  const issuer = createTestIssuer({ audience })
  const guard = issuer.guard()
  const [one, same, other] = [
    issuer.token({ session: 'a' }),
    issuer.token({ session: 'a' }),
    issuer.token({ session: 'b' }),
  ]
  const [job, otherJob] = [issuer.token({ subject: 'nightly' }), issuer.token({ subject: 'nightly' })]
  await guard.verify(one)
  issuer.revoke(one)
  issuer.revoke(job)
  for (const token of [one, same, job]) await expect(guard.verify(token)).rejects.toMatchObject({ reason: 'revoked' })
  for (const token of [other, otherJob]) await expect(guard.verify(token)).resolves.toBeDefined()
  expect(guard.isCurrent).toBe(true)
})

it('signs and judges by the clock of a test', async () => {
  const stopped = { now: () => seconds(1_000_000), milliseconds: () => 1_000_000_000 }
  const issuer = createTestIssuer({ audience, clock: stopped })
  await expect(issuer.guard().verify(issuer.token())).resolves.toMatchObject({ subject: 'usr_test' })
  await expect(issuer.guard().verify(issuer.token({ expiresIn: -1 }))).rejects.toMatchObject({ reason: 'expired' })
})

it('makes the headers of a request', async () => {
  const issuer = createTestIssuer({ audience })
  const GET = guardNext(issuer.guard(), { roles: ['clerk'] })((_request, { subject }) => new Response(subject))
  const ask = async (headers: Record<string, string>) =>
    GET(new Request('http://localhost/orders', { headers }), { params: Promise.resolve({}) })
  expect((await ask(issuer.headers({ roles: ['clerk'] }))).status).toBe(200)
  expect((await ask(issuer.headers())).status).toBe(403)
  expect((await ask({})).status).toBe(401)
})
