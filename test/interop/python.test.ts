import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from '../flows/running-program.ts'
import { type DevelopmentSite, getDemoTokens, startDevelopmentSite } from './development-site.ts'

const isMissing = (process.env.GATEHOUSE_MISSING ?? '').includes('jwcrypto')

describe.skipIf(isMissing)('jwcrypto, a JOSE library in Python', () => {
  let started: DevelopmentSite
  beforeAll(async () => {
    started = await startDevelopmentSite()
  })
  afterAll(() => started?.site.remove())

  it('verifies ID tokens and access tokens by the key set', async () => {
    const { issuer } = started
    const json = await getDemoTokens(started)
    const jwks = await (await fetch(`${issuer}/.well-known/jwks.json`)).json()
    const input = JSON.stringify({ ...json, jwks, issuer, client_id: 'demo-spa', audience: issuer })
    // Debian's own Python: that is where Debian's package is.
    const { stdout, stderr } = spawnSync('/usr/bin/python3', [join(root, 'test/interop/verify-token.py')], { input })
    expect(stderr.toString()).toBe('')
    const verified = JSON.parse(stdout.toString()) as Record<string, { header: object; claims: object }>
    expect(verified.id_token).toMatchObject({ header: { alg: 'RS256', typ: 'JWT' }, claims: { aud: 'demo-spa' } })
    expect(verified.access_token).toMatchObject({ header: { alg: 'ES256', typ: 'at+jwt' }, claims: { aud: issuer } })
  })
})
