import { describe, expect, it } from 'vitest'
import { createGuard, type GuardOptions } from './index.ts'

const good: GuardOptions = { issuer: 'https://auth.example.com', audience: 'https://api.example.com/orders' }
const client = { id: 'service:orders', secret: 'secret' }

describe('createGuard', () => {
  it.each<[string, Partial<GuardOptions>]>([
    ['as it is', {}],
    ['several audiences', { audience: ['a', 'b'] }],
    ['http on localhost', { issuer: 'http://localhost:8080' }],
    ['http on 127.0.0.1', { issuer: 'http://127.0.0.1:8080' }],
    ['http on ::1', { issuer: 'http://[::1]:8080' }],
    ['http anywhere, on purpose', { issuer: 'http://auth', insecure: { allowHttpIssuer: true } }],
    ['keys on this machine', { jwksUri: 'http://127.0.0.1/jwks' }],
  ])('accepts %s', (_, options) => {
    expect(() => createGuard({ ...good, ...options })).not.toThrow()
  })

  it.each<[string, object]>([
    ['http elsewhere', { issuer: 'http://auth.example.com' }],
    ['http on a name that begins like this machine', { issuer: 'http://localhost.evil.example' }],
    ['http on an address that looks like this machine', { issuer: 'http://127.0.0.1.evil.example' }],
    ['another scheme', { issuer: 'ftp://auth.example.com' }],
    ['no URL', { issuer: 'auth.example.com' }],
    ['a query', { issuer: 'https://auth.example.com/?a=b' }],
    ['a fragment', { issuer: 'https://auth.example.com/#a' }],
    ['user information', { issuer: 'https://a:b@auth.example.com' }],
    ['keys over http', { jwksUri: 'http://auth.example.com/jwks' }],
    ['no audience', { audience: '' }],
    ['an empty list of audiences', { audience: [] }],
    ['an empty audience among others', { audience: ['a', ''] }],
    ['introspection without a client', { revocations: 'introspect' }],
    ['the feed without a client', { revocations: 'feed' }],
    ['another way to learn of revocations', { revocations: 'never' }],
    ['another answer while the feed is lost', { client, whenFeedIsLost: 'accept' }],
    ['an answer for a feed that is not followed', { client, revocations: 'introspect', whenFeedIsLost: 'refuse' }],
    ['a feed that is lost before it could give a sign of life', { client, feedLostAfter: 10 }],
    ['what was called online before', { client, online: true }],
    ['no audience at all', { audience: undefined }],
    ['a client without a secret', { client: { id: 'service:orders' } }],
    ['a client without an id', { client: { secret: 'x' } }],
    ['something that hears of refusals and cannot', { onRefusal: true }],
    ['an unknown option', { audiences: ['a'] }],
    ['a memory of nothing', { cacheSize: 0 }],
    ['proofs for a URL with a path', { dpop: { origin: 'https://api.example.com/orders' } }],
    ['proofs for nowhere', { dpop: {} }],
  ])('turns down %s', (_, options) => {
    // Callers without types write some of these.
    expect(() => createGuard({ ...good, ...options } as GuardOptions)).toThrow()
  })
})
