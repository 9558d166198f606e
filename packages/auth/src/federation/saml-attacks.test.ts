import { deflateRawSync } from 'node:zlib'
import { ManualClock } from '@gatehouse/core/time'
import { describe, expect, it } from 'vitest'
import { createOutbound } from '../outbound/outbound.ts'
import {
  makeRsaCertificate,
  persistentName,
  TestIdentityProvider,
  type TestResponse,
} from '../testing/saml-provider.ts'
import { ProviderFailure } from './provider-failure.ts'
import { createSamlProvider } from './saml.ts'

const issuer = 'https://id.example.com'
const callback = `${issuer}/federation/corp/callback`
const logout = `${issuer}/federation/corp/logout`
const state = 'a'.repeat(43)

const clock = new ManualClock()
const idp = new TestIdentityProvider({ clock, callback, audience: `${issuer}/federation/corp/metadata` })
const stranger = makeRsaCertificate()
const outbound = createOutbound({ allowLoopback: false })
const provider = createSamlProvider(
  { name: 'corp', issuer, clock, outbound },
  {
    source: { metadata: idp.describe() },
    idpEntityId: undefined,
    entityId: undefined,
    key: undefined,
    signRequests: false,
    binding: undefined,
    nameIdFormat: undefined,
    subjectAttribute: undefined,
    authnContext: [],
  },
)

type Make = (says: TestResponse) => string

/** Brings a response to a sign-in that has just begun, as it is or made for its request. */
async function bring(make: Make | string, { fresh = false } = {}) {
  const started = await provider.redirect?.start({ callback, state, loginHint: undefined, fresh, locales: [] })
  if (!started) throw new Error('there is no redirect')
  const { memory } = started
  const text =
    typeof make === 'string' ? make : Buffer.from(make({ request: String(memory.request) })).toString('base64')
  const parameters = new URLSearchParams({ SAMLResponse: text, RelayState: state })
  return provider.redirect?.finish({ callback, state, parameters, binding: 'form', memory })
}

/** The reason and the detail with which a response is refused. */
async function refusalOf(make: Make | string, options = {}): Promise<string> {
  const begun = performance.now()
  const error = await bring(make, options).then(
    (identity) => new Error(`signed in as ${identity?.subject}`),
    (failure: unknown) => failure,
  )
  if (!(error instanceof ProviderFailure)) throw error
  // What grows with more than its length takes minutes.
  expect(performance.now() - begun).toBeLessThan(10_000)
  return `${error.reason}: ${error.detail}`
}

const ok = (says: TestResponse): string => idp.respond(says)
/** The evil assertion of signature wrapping: not signed, and of somebody else. */
const evil = (says: TestResponse, id = '_evil'): string =>
  idp.buildAssertion({ ...says, nameId: persistentName('mallory') }, id)
const assertionOf = (response: string): string => /<saml:Assertion.*<\/saml:Assertion>/.exec(response)?.[0] ?? ''
const signatureOf = (response: string): string => /<ds:Signature .*<\/ds:Signature>/.exec(response)?.[0] ?? ''
const withSignature = (assertion: string, signature: string): string =>
  assertion.replace('</saml:Issuer>', `</saml:Issuer>${signature}`)
const signedResponse = (says: TestResponse): string =>
  idp.sign(idp.buildResponse(says, idp.buildAssertion(says)), { of: '_response' })

describe('a SAML response that is as it should be', () => {
  it('is taken where its assertion is signed, where the response is, and where both are', async () => {
    expect(await bring(ok)).toEqual({
      subject: 'alice-1',
      claims: { mail: 'alice@example.com', name_id: 'alice-1' },
      authTime: clock.now() - 10,
      amr: ['pwd'],
      session: '_session-1',
      logoutMemory: {
        nameId: 'alice-1',
        format: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
        session: '_session-1',
      },
    })
    expect((await bring(signedResponse))?.subject).toBe('alice-1')
    expect((await bring((says) => idp.sign(idp.respond(says), { of: '_response' })))?.subject).toBe('alice-1')
    expect((await bring((says) => `<?xml version="1.0" encoding="UTF-8"?>\n${ok(says)}\n`))?.subject).toBe('alice-1')
    const sha512 = {
      signature: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512',
      digest: 'http://www.w3.org/2001/04/xmlenc#sha512',
    }
    expect((await bring((says) => idp.respond(says, sha512)))?.subject).toBe('alice-1')
  })
})

describe('signature wrapping', () => {
  const wrap = (place: (response: string, says: TestResponse) => string) => (says: TestResponse) =>
    place(ok(says), says)

  it.each<[string, Make]>([
    [
      '1: the signed response within the signature of an evil one',
      (says) => {
        const good = signedResponse(says)
        const outer = idp.buildResponse(says, evil(says)).replace('ID="_response"', 'ID="_outer"')
        return outer.replace(
          '</saml:Issuer>',
          `</saml:Issuer>${signatureOf(good).replace('</ds:Signature>', `<ds:Object>${good.replace(signatureOf(good), '')}</ds:Object></ds:Signature>`)}`,
        )
      },
    ],
    [
      '2: the signed response beside its detached signature',
      (says) => {
        const good = signedResponse(says)
        const outer = idp.buildResponse(says, evil(says)).replace('ID="_response"', 'ID="_outer"')
        return outer.replace(
          '</saml:Issuer>',
          `</saml:Issuer>${signatureOf(good)}${good.replace(signatureOf(good), '')}`,
        )
      },
    ],
    [
      '3: an evil assertion before the signed one',
      wrap((response, says) => response.replace('<saml:Assertion', `${evil(says)}<saml:Assertion`)),
    ],
    [
      '3b: an evil assertion after the signed one',
      wrap((response, says) => response.replace('</samlp:Response>', `${evil(says)}</samlp:Response>`)),
    ],
    [
      "3c: an evil assertion with the signed one's id",
      wrap((response, says) => response.replace('<saml:Assertion', `${evil(says, '_assertion')}<saml:Assertion`)),
    ],
    [
      '4: the signed assertion within the evil one',
      wrap((response, says) =>
        response.replace(
          assertionOf(response),
          evil(says).replace('</saml:Assertion>', `${assertionOf(response)}</saml:Assertion>`),
        ),
      ),
    ],
    [
      '5: the signature in the evil assertion, the signed one at the end',
      wrap((response, says) => {
        const naked = assertionOf(response).replace(signatureOf(response), '')
        return response.replace(assertionOf(response), `${withSignature(evil(says), signatureOf(response))}${naked}`)
      }),
    ],
    [
      '6: the signed one within the signature of the evil one',
      wrap((response, says) => {
        const naked = assertionOf(response).replace(signatureOf(response), '')
        const signature = signatureOf(response).replace('</ds:Signature>', `${naked}</ds:Signature>`)
        return response.replace(assertionOf(response), withSignature(evil(says), signature))
      }),
    ],
    [
      '7: the signed one within Extensions',
      wrap((response, says) =>
        response.replace(
          assertionOf(response),
          `<samlp:Extensions>${assertionOf(response)}</samlp:Extensions>${evil(says)}`,
        ),
      ),
    ],
    [
      '7b: the same, with the same id',
      wrap((response, says) =>
        response.replace(
          assertionOf(response),
          `<samlp:Extensions>${assertionOf(response)}</samlp:Extensions>${evil(says, '_assertion')}`,
        ),
      ),
    ],
    [
      "8: the signed one within an object of the evil one's signature",
      wrap((response, says) => {
        const naked = assertionOf(response).replace(signatureOf(response), '')
        const signature = signatureOf(response).replace(
          '</ds:Signature>',
          `<ds:Object>${naked}</ds:Object></ds:Signature>`,
        )
        return response.replace(assertionOf(response), withSignature(evil(says), signature))
      }),
    ],
    [
      '9: an assertion in no namespace',
      wrap((response, says) =>
        response.replace(
          '<saml:Assertion',
          `${evil(says).replaceAll('saml:', '').replace('xmlns:saml=', 'xmlns:x=')}<saml:Assertion`,
        ),
      ),
    ],
    [
      '10: a second response as the root of a signed one',
      wrap((response) => response.replace('</samlp:Response>', `</samlp:Response>${response}`)),
    ],
    [
      '11: an id of another spelling',
      wrap((response, says) =>
        response.replace(
          assertionOf(response),
          `<samlp:Extensions><x Id="_assertion"/></samlp:Extensions>${assertionOf(response)}${evil(says) && ''}`,
        ),
      ),
    ],
  ])('%s', async (_, make) => {
    expect(await refusalOf(make)).toMatch(/^invalid_answer: /)
  })
})

describe('signatures', () => {
  const change = (from: string | RegExp, to: string) => (says: TestResponse) => {
    const response = ok(says)
    expect(response).toMatch(from)
    return response.replace(from, to)
  }

  it.each<[string, Make, RegExp]>([
    [
      'nothing is signed',
      (says) => idp.buildResponse(says, idp.buildAssertion(says)),
      /nothing in its response is signed/,
    ],
    ['the name was changed', change('>alice-1<', '>mallory<'), /signature does not hold/],
    ['an attribute was changed', change('alice@example.com', 'mallory@example.com'), /signature does not hold/],
    [
      'somebody else signed, and brings the certificate along',
      (says) => idp.respond(says, { certificate: stranger }),
      /signature does not hold/,
    ],
    [
      'SHA-1 signs',
      (says) => idp.respond(says, { signature: 'http://www.w3.org/2000/09/xmldsig#rsa-sha1' }),
      /not taken/,
    ],
    ['SHA-1 digests', (says) => idp.respond(says, { digest: 'http://www.w3.org/2000/09/xmldsig#sha1' }), /not taken/],
    [
      'comments are part of it',
      (says) =>
        idp.respond(says, {
          transforms: [
            'http://www.w3.org/2000/09/xmldsig#enveloped-signature',
            'http://www.w3.org/2001/10/xml-exc-c14n#WithComments',
          ],
        }),
      /not taken/,
    ],
    [
      'HMAC over the public key',
      change('http://www.w3.org/2001/04/xmldsig-more#rsa-sha256', 'http://www.w3.org/2000/09/xmldsig#hmac-sha1'),
      /not taken/,
    ],
    [
      'a second SignedInfo',
      (says) => ok(says).replace(/<ds:SignedInfo>.*<\/ds:SignedInfo>/, (info) => info + info),
      /several SignedInfo|strange parts/,
    ],
    [
      'a second SignedInfo within KeyInfo',
      (says) => ok(says).replace(/(<ds:SignedInfo>.*<\/ds:SignedInfo>)(.*<ds:KeyInfo>)/, '$1$2$1'),
      /strange parts/,
    ],
    [
      'an element within DigestValue',
      (says) => ok(says).replace('<ds:DigestValue>', '<ds:DigestValue><x/>'),
      /strange parts/,
    ],
    [
      'a second reference',
      (says) => ok(says).replace(/<ds:Reference .*<\/ds:Reference>/, (reference) => reference + reference),
      /several Reference|strange parts/,
    ],
    ['a reference to the whole document', change('URI="#_assertion"', 'URI=""'), /not of the element/],
    [
      'a signature of the response that does not hold beside one that does',
      (says) => {
        const twice = idp.sign(idp.respond(says), { of: '_response' })
        return twice.replace('<samlp:Status>', '<samlp:Extensions/><samlp:Status>')
      },
      /signature does not hold/,
    ],
  ])('%s', async (_, make, detail) => {
    expect(await refusalOf(make)).toMatch(detail)
  })

  it('reads nothing that stands beside the signed assertion', async () => {
    const identity = await bring((says) =>
      ok(says).replace(
        '<saml:Assertion',
        '<samlp:Extensions><saml:NameID xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">mallory</saml:NameID></samlp:Extensions><saml:Assertion',
      ),
    )
    expect(identity?.subject).toBe('alice-1')
  })

  it('quotes nothing of a message in what goes to the log', async () => {
    const refusal = await refusalOf(change('>alice-1<', '>mallory<'))
    expect(refusal).not.toMatch(/mallory|alice|example/)
  })
})

describe('XML that is not what it seems', () => {
  const put = (from: string, to: string) => (says: TestResponse) => ok(says).replace(from, to)
  const deep = (count: number) => '<a>'.repeat(count) + '</a>'.repeat(count)
  const extended = (content: string) =>
    put('<samlp:Status>', `<samlp:Extensions>${content}</samlp:Extensions><samlp:Status>`)

  it('lets extensions be: what is refused below is refused for what it is', async () => {
    expect((await bring(extended(deep(10))))?.subject).toBe('alice-1')
    expect((await bring(extended('<a b="c>d"/>&#65;&amp;')))?.subject).toBe('alice-1')
  })

  it.each<[string, Make]>([
    ['a comment in the name', put('>alice-1<', '>alice<!-- x -->-1<')],
    ['a comment anywhere', put('<samlp:Status>', '<!-- x --><samlp:Status>')],
    ['CDATA in the name', put('>alice-1<', '><![CDATA[alice-1]]><')],
    ['a processing instruction', put('<samlp:Status>', '<?x y?><samlp:Status>')],
    ['a document type', (says) => `<!DOCTYPE r>${ok(says)}`],
    [
      'an external entity',
      (says) => `<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>${ok(says).replace('alice-1', '&x;')}`,
    ],
    [
      'a billion laughs',
      (says) =>
        `<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">${[...'bcdefghij'].map((name, index) => `<!ENTITY ${name} "${`&${'abcdefghi'[index]};`.repeat(10)}">`).join('')}]>${ok(says).replace('alice-1', '&j;')}`,
    ],
    ['an entity that nobody declared', put('>alice-1<', '>&alice;<')],
    ['a reference to no character', put('>alice-1<', '>alice-1&#0;<')],
    ['XML 1.1', (says) => `<?xml version="1.1"?>${ok(says)}`],
    ['another encoding', (says) => `<?xml version="1.0" encoding="utf-7"?>${ok(says)}`],
    ['elements 64 deep and more', extended(deep(64))],
    ['elements 50,000 deep', extended(deep(25_000))],
    ['very many elements', extended('<a/>'.repeat(30_000))],
    [
      'very many attributes',
      extended(`<a ${Array.from({ length: 20_000 }, (_, index) => `a${index}=""`).join(' ')}/>`),
    ],
    [
      'very many namespaces',
      extended(
        Array.from({ length: 50 }, (_, index) => `<a xmlns:a${index}="x" xmlns:b${index}="y">`).join('') +
          '</a>'.repeat(50),
      ),
    ],
    ['a tag that ends nowhere', extended('<a')],
    ['a tag that another one ends', extended('<a></b>')],
    ['an end that nothing began', extended('</b>')],
    ['an attribute without quotes', extended('<a b=c/>')],
    ['text after the end', (says) => `${ok(says)}x`],
    ['nothing', () => ''],
    ['many blanks where a tag ought to end', extended(`<a ${' '.repeat(150_000)}`)],
  ])('%s is refused, at once', async (_, make) => {
    let taken = Number.POSITIVE_INFINITY
    const begun = (text: string) => {
      taken = performance.now()
      return text
    }
    expect(await refusalOf((says) => begun(make(says)))).toMatch(/^invalid_answer: /)
    expect(performance.now() - taken).toBeLessThan(50)
  })

  it('takes no more than 256 KB, of any kind of text', async () => {
    expect(await refusalOf((says) => ok(says) + ' '.repeat(256 * 1024))).toMatch(/too large/)
    expect(await refusalOf('A'.repeat(10_000_000))).toMatch(/too large/)
    expect(await refusalOf('%%%')).toMatch(/not base64/)
    expect(await refusalOf(Buffer.from([0x3c, 0xff, 0xfe]).toString('base64'))).toMatch(/not UTF-8/)
  })

  it('spends little on the worst that passes before a signature is looked at', async () => {
    const values = Array.from({ length: 2_900 }, () => '<a b="c"/>').join('')
    const begun = process.cpuUsage()
    expect(
      await refusalOf((says) =>
        idp
          .respond(says, { certificate: stranger })
          .replace('<samlp:Status>', `<samlp:Extensions>${values}</samlp:Extensions><samlp:Status>`),
      ),
    ).toMatch(/signature/)
    // What this process has spent, in microseconds: others that run beside it do not count.
    const { user, system } = process.cpuUsage(begun)
    expect(user + system).toBeLessThan(1_000_000)
  })
})

describe('each check, by what it says', () => {
  const edited = (edit: (response: string, says: TestResponse) => string) => (says: TestResponse) =>
    edit(ok(says), says)
  const put = (content: string) => edited((response) => response.replace('<samlp:Status>', `${content}<samlp:Status>`))
  /** An assertion that is changed before it is signed. */
  const signedAfter = (edit: (assertion: string) => string) => (says: TestResponse) =>
    idp.sign(idp.buildResponse(says, edit(idp.buildAssertion(says))))
  const confirmation = (assertion: string) =>
    /<saml:SubjectConfirmation .*<\/saml:SubjectConfirmation>/.exec(assertion)?.[0] ?? ''

  it.each<[string, Make, RegExp]>([
    ['a processing instruction', put('<?x y?>'), /processing instruction/],
    ['an entity', put('<a b="&x;"/>'), /strange characters/],
    ['no character', put('&#xd800;'), /strange characters/],
    ['a control character', put('<a>\u0001</a>'), /strange characters/],
    ['two roots', edited((response) => response + response), /several roots/],
    ['tags that do not match', put('<a></b>'), /not well-formed/],
    ['an id twice', put('<a id="_assertion"/>'), /the same id/],
    [
      'two signatures of one element',
      edited((response) => response.replace(signatureOf(response), signatureOf(response).repeat(2))),
      /signed several times/,
    ],
    ['two assertions', put('<saml:Assertion xmlns:saml="x"/>'), /several assertions/],
    [
      'an assertion deeper',
      edited((response) => response.replace(assertionOf(response), `<a>${assertionOf(response)}</a>`)),
      /does not stand right/,
    ],
    [
      'an assertion whose signature does not hold, in a response whose does',
      (says) => idp.sign(ok(says).replace('alice-1', 'alice-2'), { of: '_response' }),
      /signature does not hold/,
    ],
    [
      'no audience',
      signedAfter((assertion) => assertion.replace(/<saml:AudienceRestriction>.*<\/saml:AudienceRestriction>/, '')),
      /another audience/,
    ],
    [
      'a confirmation by something else',
      signedAfter((assertion) => assertion.replace('cm:bearer', 'cm:holder-of-key')),
      /no bearer confirmation/,
    ],
    [
      'a confirmation that never ends, after one for somebody else',
      signedAfter((assertion) => {
        const ours = confirmation(assertion)
        const others = ours.replace(/Recipient="[^"]*"/, 'Recipient="https://other.example.com/"')
        return assertion.replace(ours, others + ours.replace(/ NotOnOrAfter="[^"]*"/, ''))
      }),
      /until when it may be brought/,
    ],
  ])('%s', async (_, make, detail) => {
    expect(await refusalOf(make)).toMatch(detail)
  })

  it('takes an assertion that has a confirmation for us beside one for somebody else', async () => {
    const make = signedAfter((assertion) => {
      const ours = confirmation(assertion)
      return assertion.replace(ours, ours.replace(/Recipient="[^"]*"/, 'Recipient="https://other.example.com/"') + ours)
    })
    expect((await bring(make))?.subject).toBe('alice-1')
  })
})

describe('assertions that are for something else', () => {
  it.each<[string, Partial<TestResponse>, RegExp]>([
    ['another address', { destination: 'https://evil.example.com/' }, /another address/],
    ['another recipient', { recipient: 'https://evil.example.com/' }, /another recipient/],
    ['another audience', { audience: 'https://evil.example.com/' }, /another audience/],
    ['another request, says the response', { responseRequest: '_other' }, /answers another request/],
    ['another issuer, says the response', { issuer: 'https://evil.example.com/' }, /another issuer/],
    ['another issuer, says the assertion', { assertionIssuer: 'https://evil.example.com/' }, /another issuer/],
    ['earlier', { notOnOrAfter: -60 }, /any more: NotOnOrAfter is 60 s in the past: do the clocks differ\?$/],
    ['later', { notBefore: 61 }, /not valid yet: NotBefore is 61 s in the future: do the clocks differ\?$/],
    ['earlier, says the confirmation', { confirmationUntil: -60 }, /not valid any more/],
    ['conditions of two kinds', { extra: '<saml:Conditions/>' }, /signature does not hold/],
    ['a condition that nobody knows', { conditions: '<saml:Condition/>' }, /strange condition/],
    [
      'another audience too',
      { conditions: '<saml:AudienceRestriction><saml:Audience>x</saml:Audience></saml:AudienceRestriction>' },
      /another audience/,
    ],
    ['a session that is over', { sessionUntil: -60 }, /has ended/],
    ['nobody', { nameId: '' }, /sends no NameID/],
    [
      'somebody new each time',
      { nameId: '<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:transient">x</saml:NameID>' },
      /^misconfigured: .*transient/,
    ],
    ['a name that is no text', { nameId: '<saml:NameID>alice<x/>-1</saml:NameID>' }, /more in it than text/],
    ['two names', { nameId: persistentName('alice') + persistentName('bob') }, /several NameID/],
  ])('%s', async (_, says, detail) => {
    expect(await refusalOf((right) => idp.respond({ ...right, ...says }))).toMatch(detail)
  })

  it('allows a minute between clocks, and no more', async () => {
    const late = { notOnOrAfter: -59, confirmationUntil: -59, notBefore: -300 }
    expect((await bring((says) => idp.respond({ ...says, ...late })))?.subject).toBe('alice-1')
    expect((await bring((says) => idp.respond({ ...says, notBefore: 60 })))?.subject).toBe('alice-1')
  })

  it('refuses another request in the confirmation, and the answer to one sign-in brought to another', async () => {
    const other = (says: TestResponse) => idp.respond({ ...says, request: '_other', responseRequest: says.request })
    expect(await refusalOf(other)).toMatch(/answers another request/)
    const brought: string[] = []
    await bring((says) => brought[brought.push(ok(says)) - 1] ?? '')
    expect(await refusalOf(Buffer.from(brought[0] ?? '').toString('base64'))).toMatch(/answers another request/)
  })

  it('refuses whom nobody asked for', async () => {
    const [request, at] = ['_nobody', clock.now()]
    const SAMLResponse = Buffer.from(ok({ request }).replaceAll(` InResponseTo="${request}"`, '')).toString('base64')
    const answer = { callback, state, parameters: new URLSearchParams({ SAMLResponse }), binding: 'form' as const }
    for (const memory of [{ request, fresh: false, at }, {}]) {
      await expect(provider.redirect?.finish({ ...answer, memory })).rejects.toThrow(ProviderFailure)
    }
  })

  it('wants a proof that is new where one has to be', async () => {
    expect(await refusalOf((says) => idp.respond({ ...says, authenticated: -61 }), { fresh: true })).toMatch(
      /prove anew who they are, and have not: AuthnInstant is 61 s in the past: do the clocks differ\?$/,
    )
    expect((await bring((says) => idp.respond({ ...says, authenticated: -1 }), { fresh: true }))?.subject).toBe(
      'alice-1',
    )
  })

  it('takes a response by a form alone, and one of them', async () => {
    const started = await provider.redirect?.start({ callback, state, loginHint: undefined, fresh: false, locales: [] })
    const memory = started?.memory ?? {}
    const SAMLResponse = Buffer.from(ok({ request: String(memory.request) })).toString('base64')
    const parameters = new URLSearchParams({ SAMLResponse })
    const answer = { callback, state, memory }
    await expect(provider.redirect?.finish({ ...answer, parameters, binding: 'query' })).rejects.toThrow(
      ProviderFailure,
    )
    const twice = new URLSearchParams([
      ['SAMLResponse', SAMLResponse],
      ['SAMLResponse', SAMLResponse],
    ])
    await expect(provider.redirect?.finish({ ...answer, parameters: twice, binding: 'form' })).rejects.toThrow(
      ProviderFailure,
    )
    expect((await provider.redirect?.finish({ ...answer, parameters, binding: 'form' }))?.subject).toBe('alice-1')
  })
})

describe('signed messages that are no sign-in', () => {
  const status = (code: string, inner = '') =>
    `<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:${code}">${inner && `<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:${inner}"/>`}</samlp:StatusCode>`

  it.each([
    ['Responder', 'AuthnFailed', 'refused'],
    ['Responder', '', 'refused'],
    ['Responder', 'RequestDenied', 'cancelled'],
    ['Responder', 'NoAuthnContext', 'misconfigured'],
    ['Requester', '', 'misconfigured'],
    ['Success', 'AuthnFailed', 'refused'],
  ])('a status of %s %s is %s, with a signed assertion too', async (code, inner, reason) => {
    const refusal = await refusalOf((says) => idp.respond({ ...says, status: status(code, inner) }))
    expect(refusal).toMatch(new RegExp(`^${reason}: `))
    expect(
      await refusalOf((says) =>
        idp.sign(idp.buildResponse({ ...says, status: status(code, inner) }, ''), { of: '_response' }),
      ),
    ).toBe(refusal)
  })

  it('repeats no word of a status that is not of SAML', async () => {
    const strange = '<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:<script>"/>'.replace(
      '<script>',
      '&lt;script>',
    )
    expect(await refusalOf((says) => idp.respond({ ...says, status: strange }))).toBe('refused: its status is unknown')
  })

  it.each<[string, Make]>([
    [
      'LogoutResponse',
      (says) =>
        idp.sign(idp.buildResponse(says, '').replaceAll('samlp:Response', 'samlp:LogoutResponse'), { of: '_response' }),
    ],
    [
      'LogoutRequest',
      (says) =>
        idp.sign(idp.buildResponse(says, '').replaceAll('samlp:Response', 'samlp:LogoutRequest'), { of: '_response' }),
    ],
    ['Response without an assertion', (says) => idp.sign(idp.buildResponse(says, ''), { of: '_response' })],
    ['Assertion alone', (says) => idp.sign(idp.buildAssertion(says))],
  ])('%s', async (_, make) => {
    expect(await refusalOf(make)).toMatch(/^invalid_answer: (?:what came back is no Response|there is no assertion)/)
  })
})

describe('attributes', () => {
  const attribute = (name: string, ...values: string[]) =>
    `<saml:Attribute ${name}>${values.map((value) => `<saml:AttributeValue>${value}</saml:AttributeValue>`).join('')}</saml:Attribute>`
  const claimsOf = async (attributes: string) => (await bring((says) => idp.respond({ ...says, attributes })))?.claims

  it('are texts and lists, by name and by a friendly name that is free', async () => {
    const claims = await claimsOf(
      attribute('Name="urn:oid:1" FriendlyName="groups"', 'a', 'b') +
        attribute('Name="mail" FriendlyName="urn:oid:1"', 'x &amp; y') +
        attribute('Name="none"'),
    )
    expect(claims).toEqual({ 'urn:oid:1': ['a', 'b'], groups: ['a', 'b'], mail: 'x & y', name_id: 'alice-1' })
  })

  it('reach for no prototype, and do not pass for the NameID', async () => {
    const names = ['__proto__', 'constructor', 'prototype', 'name_id']
    const claims = await claimsOf(
      names.map((name) => attribute(`Name="${name}" FriendlyName="${name}"`, 'mallory')).join(''),
    )
    expect(claims).toEqual({ name_id: 'alice-1' })
    expect(Object.getPrototypeOf(claims)).toBe(Object.prototype)
  })
})

describe('single logout', () => {
  const request = (
    says: { until?: number; issued?: number; destination?: string; issuer?: string; name?: string } = {},
  ) =>
    `<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_logout" Version="2.0" IssueInstant="${idp.at(says.issued ?? 0)}" NotOnOrAfter="${idp.at(says.until ?? 100)}" Destination="${says.destination ?? logout}">` +
    `<saml:Issuer>${says.issuer ?? idp.entityId}</saml:Issuer>${says.name ?? persistentName('alice-1')}<samlp:SessionIndex>_session-1</samlp:SessionIndex></samlp:LogoutRequest>`
  const post = async (text: string) =>
    provider.receiveLogout?.({
      parameters: new URLSearchParams({ SAMLRequest: Buffer.from(text).toString('base64'), RelayState: 'r' }),
      binding: 'form',
      location: logout,
    })
  const sign = (text: string, how = {}) => idp.sign(text, { of: '_logout', ...how })
  const get = async (query: string) =>
    provider.receiveLogout?.({ parameters: new URLSearchParams(query), binding: 'query', location: logout, query })

  it('takes a signed request, and answers it', async () => {
    const ended = await post(sign(request()))
    expect(ended).toMatchObject({ subject: 'alice-1', session: '_session-1', once: { id: '_logout' } })
    const url = new URL(ended && 'answer' in ended && ended.answer && 'url' in ended.answer ? ended.answer.url : '')
    expect(url.origin + url.pathname).toBe('https://idp.example.com/slo')
    expect(url.searchParams.get('RelayState')).toBe('r')
  })

  it.each<[string, string, RegExp]>([
    ['is not signed', request(), /not signed/],
    ['somebody else signed', sign(request(), { certificate: stranger }), /signature does not hold/],
    ['was changed', sign(request()).replace('alice-1', 'bob-1'), /signature does not hold/],
    ['SHA-1 signs', sign(request(), { signature: 'http://www.w3.org/2000/09/xmldsig#rsa-sha1' }), /not taken/],
    ['is old', sign(request({ issued: -360 })), /too old/],
    ['is over', sign(request({ until: -60 })), /too old/],
    ['is from the future', sign(request({ issued: 90 })), /future/],
    ['was for another address', sign(request({ destination: 'https://evil.example.com/' })), /another address/],
    ['is of somebody else', sign(request({ issuer: 'https://evil.example.com/' })), /another issuer/],
    ['has two names', sign(request({ name: persistentName('a') + persistentName('b') })), /several NameID/],
    ['has a comment', sign(request()).replace('alice-1', 'ali<!-- -->ce-1'), /comment/],
    ['is a response to a sign-in', ok({ request: '_x' }), /no LogoutRequest/],
  ])('refuses one that %s', async (_, text, detail) => {
    await expect(post(text)).rejects.toMatchObject({ detail: expect.stringMatching(detail) })
  })

  it('takes the redirect binding by the query as it was sent, and refuses any other', async () => {
    const { createSign } = await import('node:crypto')
    const part = (name: string, value: string) => `${name}=${encodeURIComponent(value).replaceAll('%2B', '%2b')}`
    const message = deflateRawSync(request()).toString('base64')
    const algorithm = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256'
    const signQuery = (query: string, key = idp.certificate.key, digest = 'sha256') =>
      `${query}&${part('Signature', createSign(digest).update(query).sign(key, 'base64'))}`
    const query = `${part('SAMLRequest', message)}&${part('RelayState', 'SAMLRequest')}&${part('SigAlg', algorithm)}`
    expect(await get(signQuery(query))).toMatchObject({ subject: 'alice-1' })
    const other = part('SAMLRequest', deflateRawSync(request({ name: persistentName('bob-1') })).toString('base64'))
    const rest = signQuery(query)
    for (const wrong of [
      query,
      query.slice(0, query.indexOf('&')),
      signQuery(query, stranger.key),
      `${rest}&${other}`,
      `${other}&${rest.slice(rest.indexOf('&') + 1)}`,
      `${other}&x${rest}`,
      rest.replace('rsa-sha256', 'rsa-sha1'),
      signQuery(query.replace('rsa-sha256', 'rsa-sha1')),
      signQuery(query.replace('rsa-sha256', 'rsa-sha1'), idp.certificate.key, 'sha1'),
      `${rest}&SAMLResponse=x`,
    ]) {
      await expect(get(wrong)).rejects.toThrow(ProviderFailure)
    }
  })

  it('inflates no more than 256 KB', async () => {
    const bomb = deflateRawSync(Buffer.alloc(100 * 1024 * 1024)).toString('base64')
    const begun = performance.now()
    await expect(get(`SAMLRequest=${encodeURIComponent(bomb)}`)).rejects.toMatchObject({
      detail: expect.stringMatching(/too large/),
    })
    expect(performance.now() - begun).toBeLessThan(50)
  })

  it('takes an answer to a sign-out of ours, and no other', async () => {
    const memory = (await bring(ok))?.logoutMemory ?? {}
    const going = await provider.signOut?.({ subject: 'alice-1', memory, comeBackTo: issuer, state })
    expect(going && 'url' in going ? going.url : '').toMatch(/^https:\/\/idp\.example\.com\/slo\?SAMLRequest=/)
    const answer = (to: string) => {
      const text = idp
        .buildResponse({ request: to, destination: logout }, '')
        .replaceAll('samlp:Response', 'samlp:LogoutResponse')
      return `SAMLResponse=${encodeURIComponent(deflateRawSync(text).toString('base64'))}&RelayState=${state}`
    }
    expect(await get(answer(`_${state}`))).toEqual({ state })
    await expect(get(answer('_other'))).rejects.toThrow(ProviderFailure)
  })
})
