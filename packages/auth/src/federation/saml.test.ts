import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ManualClock } from '@gatehouse/core/time'
import { makeCostlyKey } from '@gatehouse/guard/testing/costly-key'
import { SAML } from '@node-saml/node-saml'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encrypt } from 'xml-encryption'
import { createOutbound, type Outbound } from '../outbound/outbound.ts'
import {
  makeRsaCertificate,
  persistentName,
  TestIdentityProvider,
  type TestResponse,
} from '../testing/saml-provider.ts'
import type { Finding } from './provider.ts'
import { createSamlProvider } from './saml.ts'
import type { SamlSettings } from './saml-settings.ts'
import { parseXml } from './saml-xml.ts'

const issuer = 'https://id.example.com'
const callback = `${issuer}/federation/corp/callback`
const state = 's'.repeat(43)
const pair = makeRsaCertificate()
const key = { privateKey: pair.key, certificate: pair.cert }

let clock: ManualClock
let idp: TestIdentityProvider
let server: Server
let outbound: Outbound
let url: string
let requests: number
let answer: { status: number; type?: string; text: string; date?: string }

beforeEach(async () => {
  clock = new ManualClock()
  idp = new TestIdentityProvider({ clock, callback, audience: `${issuer}/federation/corp/metadata` })
  answer = { status: 200, text: idp.describe() }
  requests = 0
  server = createServer((_, response) => {
    requests += 1
    const date = answer.date ?? new Date(clock.milliseconds()).toUTCString()
    response.writeHead(answer.status, { 'content-type': answer.type ?? 'application/samlmetadata+xml', date })
    response.end(answer.text)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metadata`
  outbound = createOutbound({ allowLoopback: true })
})
afterEach(() => {
  outbound.close()
  server.close()
})

const settings = (own: Partial<SamlSettings> = {}): SamlSettings => ({
  source: { metadataUrl: url },
  idpEntityId: undefined,
  entityId: undefined,
  key: undefined,
  signRequests: false,
  binding: undefined,
  nameIdFormat: undefined,
  subjectAttribute: undefined,
  authnContext: [],
  ...own,
})
const create = (own: Partial<SamlSettings> = {}) =>
  createSamlProvider({ name: 'corp', issuer, clock, outbound }, settings(own))
type SamlProvider = ReturnType<typeof create>

async function start(provider: SamlProvider, fresh = false) {
  const started = await provider.redirect?.start({ callback, state, loginHint: undefined, fresh, locales: [] })
  if (!started) throw new Error('there is no redirect')
  return started
}

async function signIn(provider: SamlProvider, make: (says: TestResponse) => string = (says) => idp.respond(says)) {
  const { memory } = await start(provider)
  const SAMLResponse = Buffer.from(make({ request: String(memory.request) })).toString('base64')
  const parameters = new URLSearchParams({ SAMLResponse, RelayState: state })
  return provider.redirect?.finish({ callback, state, parameters, binding: 'form', memory })
}

/** The request in a form, as the provider reads it. */
async function formRequest(own: Partial<SamlSettings>, fresh = false) {
  const { go } = await start(create({ ...own, binding: 'post' }), fresh)
  if (!('form' in go)) throw new Error('it is no form')
  return { ...go.form, text: Buffer.from(go.form.fields.SAMLRequest ?? '', 'base64').toString() }
}

describe('asking for a sign-in', () => {
  it('goes to the address that the metadata says, with the state and a request that names where to come back to', async () => {
    const { go, memory } = await start(create())
    const address = new URL('url' in go ? go.url : '')
    expect([address.origin + address.pathname, address.searchParams.get('RelayState')]).toEqual([
      'https://idp.example.com/sso',
      state,
    ])
    expect(memory).toEqual({ request: expect.stringMatching(/^_[0-9a-f]{40}$/), fresh: false, at: clock.now() })
    const form = await formRequest({})
    expect([form.action, form.fields.RelayState]).toEqual(['https://idp.example.com/sso-post', state])
    expect(form.text).toContain(`AssertionConsumerServiceURL="${callback}"`)
    expect(form.text).toContain('Destination="https://idp.example.com/sso-post"')
    expect(form.text).not.toMatch(/ForceAuthn|RequestedAuthnContext|Format=|Signature/)
  })

  it('asks for what is configured, and for a new proof where there has to be one', async () => {
    const { text } = await formRequest({ nameIdFormat: 'urn:x', authnContext: ['urn:a', 'urn:b'] }, true)
    expect(text).toMatch(/ForceAuthn="true".*Format="urn:x".*urn:a.*urn:b/)
  })

  it('is signed with our key where there is one, so that the provider can tell', async () => {
    const { text } = await formRequest({ key, signRequests: true })
    expect(text).toContain('rsa-sha256')
    const { go } = await start(create({ key, signRequests: true }))
    const address = new URL('url' in go ? go.url : '')
    const theirs = new SAML({ issuer: 'x', callbackUrl: callback, idpCert: pair.cert })
    const isSigned = Reflect.get(theirs, 'hasValidSignatureForRedirect')
    const query = Object.fromEntries(address.searchParams)
    await expect(isSigned.call(theirs, query, address.search.slice(1))).resolves.toBeUndefined()
  })

  it('is refused where the provider wants requests signed, and there is no key', async () => {
    answer.text = idp.describe({ role: 'WantAuthnRequestsSigned="true"' })
    await expect(start(create())).rejects.toMatchObject({ reason: 'misconfigured' })
    expect((await start(create({ key, signRequests: true }))).go).toHaveProperty('url')
  })
})

describe('who somebody is', () => {
  const attribute = '<saml:Attribute Name="uid"><saml:AttributeValue>u1</saml:AttributeValue></saml:Attribute>'
  const transientName =
    '<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:transient" SPNameQualifier="q">x</saml:NameID>'

  it('is an attribute, where that is configured', async () => {
    const provider = create({ subjectAttribute: 'uid' })
    const identity = await signIn(provider, (says) =>
      idp.respond({ ...says, attributes: attribute, nameId: transientName }),
    )
    expect(identity).toMatchObject({ subject: 'u1', logoutMemory: { nameId: 'x', spNameQualifier: 'q' } })
    const several = attribute.replace(
      '</saml:Attribute>',
      '<saml:AttributeValue>u2</saml:AttributeValue></saml:Attribute>',
    )
    for (const attributes of ['', several, attribute.replace('u1', 'u'.repeat(256))]) {
      const failing = signIn(provider, (says) => idp.respond({ ...says, attributes }))
      await expect(failing).rejects.toMatchObject({ reason: 'misconfigured' })
    }
  })

  it('says by what they have proven it where that is plain', async () => {
    const amrOf = async (context: string) => (await signIn(create(), (says) => idp.respond({ ...says, context })))?.amr
    expect(await amrOf('https://refeds.org/profile/mfa')).toEqual(['mfa'])
    expect(await amrOf('urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified')).toBeUndefined()
    expect(await amrOf('constructor')).toBeUndefined()
  })
})

describe('encrypted assertions', () => {
  const seal = (
    assertion: string,
    algorithm = 'http://www.w3.org/2009/xmlenc11#aes256-gcm',
    to = pair,
  ): Promise<string> =>
    new Promise((done, fail) =>
      encrypt(
        assertion,
        {
          rsa_pub: to.keys.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
          pem: to.cert,
          encryptionAlgorithm: algorithm as 'http://www.w3.org/2009/xmlenc11#aes256-gcm', // those of the tests are not all known
          keyEncryptionAlgorithm: 'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p',
          warnInsecureAlgorithm: false,
        },
        (error, result) => (error ? fail(error) : done(result)),
      ),
    )
  const wrap = (sealed: string) =>
    `<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">${sealed}</saml:EncryptedAssertion>`

  async function bring(make: (says: TestResponse) => Promise<string>, own: Partial<SamlSettings> = { key }) {
    const provider = create(own)
    const { memory } = await start(provider)
    const text = await make({ request: String(memory.request) })
    const parameters = new URLSearchParams({ SAMLResponse: Buffer.from(text).toString('base64') })
    return provider.redirect?.finish({ callback, state, parameters, binding: 'form', memory })
  }
  const sealed = (assertion: (says: TestResponse) => string, algorithm?: string) => async (says: TestResponse) =>
    idp.buildResponse(says, wrap(await seal(assertion(says), algorithm)))
  const signed = (says: TestResponse) => idp.sign(idp.buildAssertion(says))

  it('are taken where the assertion is signed, or the response around it', async () => {
    expect(await bring(sealed(signed))).toMatchObject({ subject: 'alice-1' })
    const cbc = 'http://www.w3.org/2001/04/xmlenc#aes128-cbc'
    expect(await bring(sealed(signed, cbc))).toMatchObject({ subject: 'alice-1' })
    const around = async (says: TestResponse) =>
      idp.sign(await sealed((right) => idp.buildAssertion(right))(says), { of: '_response' })
    expect(await bring(around)).toMatchObject({ subject: 'alice-1' })
  })

  it('are refused where nothing is signed, and where what is encrypted is not what it should be', async () => {
    const evilName = { nameId: persistentName('mallory') }
    const wrong: [(says: TestResponse) => Promise<string>, RegExp][] = [
      [sealed((says) => idp.buildAssertion(says)), /nothing in its response is signed/],
      [sealed((says) => signed(says).replace('alice-1', 'mallory')), /signature does not hold/],
      [sealed((says) => signed(says).replace('alice-1', 'ali<!-- -->ce-1')), /comment/],
      [sealed((says) => `<!DOCTYPE x>${signed(says)}`), /document type/],
      [sealed((says) => signed(says) + idp.buildAssertion({ ...says, ...evilName }, '_evil')), /several roots/],
      [
        sealed((says) =>
          idp
            .buildAssertion({ ...says, ...evilName }, '_evil')
            .replace('</saml:Assertion>', `<saml:Advice>${signed(says)}</saml:Advice></saml:Assertion>`),
        ),
        /several assertions/,
      ],
      [sealed(() => '<a>'.repeat(65) + '</a>'.repeat(65)), /too deeply/],
      [sealed(() => '<a/>'), /no assertion/],
      [sealed(signed, 'http://www.w3.org/2001/04/xmlenc#tripledes-cbc'), /not taken/],
      [
        async (says: TestResponse) => (await sealed(signed)(says)).replace('xmlenc#rsa-oaep-mgf1p', 'xmlenc#rsa-1_5'),
        /not taken/,
      ],
      [
        async (says: TestResponse) => {
          const response = await sealed(signed)(says)
          const key = /<e:EncryptedKey .*<\/e:EncryptedKey>/s.exec(response)?.[0] ?? ''
          return response.replace(key, key + key)
        },
        /strange way/,
      ],
      [
        async (says: TestResponse) =>
          idp.buildResponse(says, wrap(await seal(signed(says), undefined, makeRsaCertificate()))),
        /cannot be decrypted/,
      ],
    ]
    for (const [make, detail] of wrong) {
      const failure = { reason: 'invalid_answer', detail: expect.stringMatching(detail) }
      await expect(bring(make)).rejects.toMatchObject(failure)
    }
    await expect(bring(sealed(signed), {})).rejects.toMatchObject({ reason: 'misconfigured' })
  })
})

describe('the metadata of a provider', () => {
  it('is fetched once for many, kept, and asked for anew after an hour', async () => {
    const provider = create()
    await Promise.all([start(provider), start(provider), start(provider)])
    clock.advance(3599)
    await start(provider)
    expect(requests).toBe(1)
    clock.advance(2)
    await start(provider)
    expect(requests).toBe(2)
  })

  it('is kept for as long as it says, within bounds', async () => {
    answer.text = idp.describe({ attributes: 'cacheDuration="PT1S"' })
    const provider = create()
    await start(provider)
    clock.advance(299)
    await start(provider)
    expect(requests).toBe(1)
    answer.text = idp.describe({ attributes: 'cacheDuration="P30D"' })
    clock.advance(2)
    await start(provider)
    clock.advance(86_399)
    await start(provider)
    expect(requests).toBe(2)
  })

  it('counts on where it cannot be fetched, and is asked for no more than twice a minute', async () => {
    const provider = create()
    await start(provider)
    answer = { status: 500, text: '' }
    clock.advance(4000)
    for (let tries = 0; tries < 5; tries += 1) expect((await start(provider)).go).toHaveProperty('url')
    expect(requests).toBe(2)
    clock.advance(30)
    await start(provider)
    expect(requests).toBe(3)
  })

  it('does not count beyond its own validUntil', async () => {
    answer.text = idp.describe({ attributes: `validUntil="${idp.at(600)}"` })
    const provider = create()
    await start(provider)
    clock.advance(601)
    await expect(start(provider)).rejects.toMatchObject({ reason: 'misconfigured' })
  })

  it.each<[string, () => void, string]>([
    ['a server that fails', () => Object.assign(answer, { status: 503 }), 'unavailable'],
    ['a page', () => Object.assign(answer, { type: 'text/html' }), 'unavailable'],
    ['too much', () => Object.assign(answer, { text: ' '.repeat(2_000_000) }), 'unavailable'],
    ['no XML', () => Object.assign(answer, { text: 'x' }), 'misconfigured'],
    ['a document type', () => Object.assign(answer, { text: `<!DOCTYPE x>${idp.describe()}` }), 'misconfigured'],
    ['no provider', () => Object.assign(answer, { text: '<a/>' }), 'misconfigured'],
    ['no certificate', () => Object.assign(answer, { text: idp.describe({ certificates: [] }) }), 'misconfigured'],
    [
      'a weak certificate',
      () => Object.assign(answer, { text: idp.describe({ certificates: [makeRsaCertificate(1024)] }) }),
      'misconfigured',
    ],
    [
      'a certificate whose key costs much to check with',
      () => Object.assign(answer, { text: idp.describe({ certificates: [makeRsaCertificate(makeCostlyKey())] }) }),
      'misconfigured',
    ],
    [
      'a script for an address',
      () => Object.assign(answer, { text: idp.describe().replaceAll('https://idp.example.com/sso', 'javascript:x') }),
      'misconfigured',
    ],
  ])('is refused: %s', async (_, change, reason) => {
    change()
    await expect(start(create())).rejects.toMatchObject({ reason })
  })

  it('is fetched again where a signature is by a key that is not known yet, and not over and over', async () => {
    const provider = create()
    await start(provider)
    clock.advance(60)
    idp.certificate = makeRsaCertificate()
    answer.text = idp.describe()
    expect(await signIn(provider)).toMatchObject({ subject: 'alice-1' })
    expect(requests).toBe(2)
    idp.certificate = makeRsaCertificate()
    await expect(signIn(provider)).rejects.toMatchObject({ detail: 'its signature does not hold' })
    expect(requests).toBe(2)
  })

  it('may describe several, and one of them is named', async () => {
    const both = `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">${[idp.describe(), idp.describe().replace(idp.entityId, 'urn:other')].map((text) => text.replace(/<\?.*\?>/, '')).join('<!-- and -->')}</md:EntitiesDescriptor>`
    answer.text = both
    await expect(start(create())).rejects.toMatchObject({ reason: 'misconfigured' })
    expect(await signIn(create({ idpEntityId: idp.entityId }))).toMatchObject({ subject: 'alice-1' })
  })
})

describe('what a provider is told about us', () => {
  it('is where to answer, and our key', async () => {
    const text = (await create({ key, signRequests: true }).describe?.())?.text ?? ''
    const root = parseXml(text.replace(/<\?.*\?>/, ''))
    expect(root.getAttribute('entityID')).toBe(`${issuer}/federation/corp/metadata`)
    expect(text).toMatch(/AuthnRequestsSigned="true"/)
    expect(text).toMatch(/WantAssertionsSigned="true"/)
    expect(text).toContain(`Location="${callback}"`)
    expect(text.match(/<SingleLogoutService Binding="\S+" Location="\S+"/g)).toEqual(
      ['Redirect', 'POST'].map(
        (binding) =>
          `<SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-${binding}" Location="${issuer}/federation/corp/logout"`,
      ),
    )
    expect(text.match(/use="(signing|encryption)"/g)).toEqual(['use="signing"', 'use="encryption"'])
    expect(text).not.toContain('PRIVATE')
    expect((await create({ entityId: 'urn:us' }).describe?.())?.text).toMatch(/entityID="urn:us"(?!.*KeyDescriptor)/s)
  })
})

describe('looking at a provider', () => {
  const look = async (own: Partial<SamlSettings> = {}): Promise<Finding[]> => {
    const findings: Finding[] = []
    for await (const finding of create(own).examine()) findings.push(finding)
    return findings
  }
  const states = (findings: readonly Finding[]) => findings.map(({ what, state }) => `${what}: ${state}`)

  it('finds nothing wrong where nothing is', async () => {
    expect(states(await look())).toEqual([
      'metadata: ok',
      'clock: ok',
      'its certificate: ok',
      'sign-in address: ok',
      'sign-in address: ok',
      'single logout: ok',
    ])
    expect(requests).toBe(1)
  })

  it('says what is', async () => {
    idp.certificate = makeRsaCertificate(2048, [2020, 2026])
    answer = {
      status: 200,
      text: idp.describe({ role: 'WantAuthnRequestsSigned="1"' }).replaceAll('SingleLogoutService', 'Other'),
      date: new Date(clock.milliseconds() + 120_000).toUTCString(),
    }
    expect(states(await look())).toEqual([
      'metadata: ok',
      'clock: wrong',
      'its certificate: warning',
      'sign-in address: ok',
      'sign-in address: ok',
      'signed requests: wrong',
      'single logout: warning',
    ])
    answer = { status: 404, text: '' }
    expect(states(await look())).toEqual(['metadata: wrong'])
  })
})
