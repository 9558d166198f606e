import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeRsaCertificate, TestIdentityProvider } from '@gatehouse/auth/testing/saml-provider'
import { ManualClock } from '@gatehouse/core/time'
import * as Value from 'typebox/value'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { loadSamlReader, resolveSaml, samlSchema } from './saml.ts'

beforeAll(loadSamlReader)

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-saml-'))
afterAll(() => rmSync(folder, { recursive: true }))
const write = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const [pair, other, weak] = [makeRsaCertificate(), makeRsaCertificate(), makeRsaCertificate(1024)]
const key_file = write('key', pair.key)
const certificate_file = write('cert', pair.cert)
const [otherKey, weakCert, nothing] = [write('other', other.key), write('weak', weak.cert), join(folder, 'nothing')]
const idp = new TestIdentityProvider({ clock: new ManualClock(), callback: 'https://id/', audience: 'x' })
const metadata_file = write('metadata', idp.describe())
const metadata_url = 'https://idp.example.com/metadata'
const byHand = {
  entry_point: 'https://idp.example.com/sso',
  idp_certificates: [certificate_file],
  idp_entity_id: 'https://idp.example.com/',
}

function resolve(section: object, development = false) {
  const problems: string[] = []
  const content: unknown = { kind: 'saml', ...section }
  if (!Value.Check(samlSchema, content)) throw new Error('the schema refuses it')
  const report = (path: readonly (string | number)[], message: string) => problems.push(`${path.join('.')}: ${message}`)
  return { settings: resolveSaml(content, { name: 'corp', development, report }), problems }
}

describe('the configuration of a SAML provider', () => {
  it('is an address, a file, or written by hand', () => {
    expect(resolve({ metadata_url })).toEqual({
      settings: {
        source: { metadataUrl: metadata_url },
        idpEntityId: undefined,
        entityId: undefined,
        key: undefined,
        signRequests: false,
        binding: undefined,
        nameIdFormat: undefined,
        subjectAttribute: undefined,
        authnContext: [],
      },
      problems: [],
    })
    expect(resolve({ metadata_file })).toMatchObject({
      settings: { source: { metadata: idp.describe() } },
      problems: [],
    })
    const { settings, problems } = resolve({ ...byHand, logout_url: 'https://idp.example.com/slo' })
    expect(problems).toEqual([])
    expect(settings.source).toEqual({
      entryPoint: byHand.entry_point,
      logoutUrl: 'https://idp.example.com/slo',
      certificates: [pair.cert],
      entityId: byHand.idp_entity_id,
    })
  })

  it('is what the guide says', () => {
    const guide = readFileSync(new URL('../../../../../docs/guides/saml.md', import.meta.url), 'utf8')
    const [, lines = ''] = /```yaml\n(.*?)```/s.exec(guide) ?? []
    expect(resolve(parse(lines).providers.corp, true).problems).toEqual([])
  })

  it('signs where there is a key, unless it says no', () => {
    const pairs = { metadata_url, key_file, certificate_file }
    expect(resolve(pairs)).toMatchObject({ settings: { signRequests: true }, problems: [] })
    expect(resolve({ ...pairs, sign_requests: false })).toMatchObject({
      settings: { signRequests: false },
      problems: [],
    })
    expect(resolve(pairs).settings.key).toEqual({ privateKey: pair.key, certificate: pair.cert })
  })

  it('asks this machine over http in development alone', () => {
    const here = { metadata_url: 'http://localhost:8081/metadata' }
    expect(resolve(here, true).problems).toEqual([])
    expect(resolve(here).problems).toEqual(['metadata_url: expected an https URL'])
  })

  it.each<[string, object, RegExp[]]>([
    ['nothing', {}, [/^: expected one of metadata_url, metadata_file and entry_point/]],
    ['two ways', { metadata_url, metadata_file }, [/^: expected one of/]],
    ['metadata over http', { metadata_url: 'http://idp.example.com/' }, [/^metadata_url: expected an https URL/]],
    ['a file that is not there', { metadata_file: nothing }, [/^metadata_file: .* cannot be read/]],
    ['a file that is no metadata', { metadata_file: key_file }, [/^metadata_file: .*its metadata cannot be read/]],
    ['metadata of others', { metadata_file, idp_entity_id: 'x' }, [/^metadata_file: .*no identity provider named x/]],
    [
      'an entry point alone',
      { entry_point: byHand.entry_point },
      [/^idp_certificates: missing/, /^idp_entity_id: missing/],
    ],
    [
      'an entry point over http',
      { ...byHand, entry_point: 'http://idp.example.com/' },
      [/^entry_point: expected an https/],
    ],
    [
      'an entry point that is a script',
      { ...byHand, entry_point: 'javascript:alert(1)' },
      [/^entry_point: expected an/],
    ],
    ['a certificate that is none', { ...byHand, idp_certificates: [key_file] }, [/^idp_certificates.0: .* is no cert/]],
    ['a weak certificate', { ...byHand, idp_certificates: [weakCert] }, [/^idp_certificates.0: .*2048 bits/]],
    ['certificates beside metadata', { metadata_url, idp_certificates: [key_file] }, [/^idp_certificates: goes with/]],
    ['a key alone', { metadata_url, key_file }, [/^certificate_file: missing.*openssl/]],
    [
      'a key of another',
      { metadata_url, key_file: otherKey, certificate_file },
      [/^key_file: expected the key of the cert/],
    ],
    [
      'a key that is not there',
      { metadata_url, key_file: nothing, certificate_file },
      [/^key_file: .* cannot be read/],
    ],
    ['signing without a key', { metadata_url, sign_requests: true }, [/^sign_requests: needs a key/]],
  ])('says what would be right: %s', (_, section, problems) => {
    expect(resolve(section).problems).toEqual(problems.map((problem) => expect.stringMatching(problem)))
  })
})
