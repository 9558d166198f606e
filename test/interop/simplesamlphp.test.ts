import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BeginningSignIn, Provider, StartedSignIn } from '@gatehouse/auth/federation/provider'
import { ProviderFailure } from '@gatehouse/auth/federation/provider-failure'
import { createSamlProvider } from '@gatehouse/auth/federation/saml'
import type { SamlSettings } from '@gatehouse/auth/federation/saml-settings'
import { createOutbound } from '@gatehouse/auth/outbound/outbound'
import { seconds } from '@gatehouse/core/time'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { root } from '../flows/running-program.ts'
import { makeKey, SamlBrowser, type SamlForm, type SimpleSaml, startSimpleSaml } from './simplesamlphp.ts'

const isMissing = /simplesamlphp|php-/.test(process.env.GATEHOUSE_MISSING ?? '')

const issuer = 'http://localhost:8080'
const [callback, logout] = ['callback', 'logout'].map((path) => `${issuer}/federation/corp/${path}`) as [string, string]
const state = 'S'.repeat(43)
const clock = { now: () => seconds(Math.floor(Date.now() / 1000)), milliseconds: () => Date.now() }
const outbound = createOutbound({ allowLoopback: true })

/** The ways in which simplesamlphp signs, encrypts and is asked. */
const ways = [
  { name: 'signs response and assertion', options: '', own: {} },
  { name: 'signs the assertion alone', options: "'saml20.sign.response' => false,", own: {} },
  { name: 'signs the response alone', options: "'saml20.sign.assertion' => false,", own: {} },
  {
    name: 'wants signed requests, and encrypts assertions',
    options: "'redirect.validate' => true, 'assertion.encryption' => true, 'saml20.sign.response' => false,",
    own: { signRequests: true },
  },
  {
    name: 'encrypts with GCM, and is asked by a form that is signed',
    options:
      "'redirect.validate' => true, 'assertion.encryption' => true, 'sharedkey_algorithm' => 'http://www.w3.org/2009/xmlenc11#aes256-gcm',",
    own: { signRequests: true, binding: 'post' as const },
  },
]

describe.skipIf(isMissing)('simplesamlphp', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-simplesamlphp-'))
  const { key: privateKey, cert: certificate } = makeKey(folder, 'sp')
  afterAll(() => {
    outbound.close()
    rmSync(folder, { recursive: true })
  })

  const create = (own: Partial<SamlSettings>, metadataUrl = ''): Provider =>
    createSamlProvider(
      { name: 'corp', issuer, clock, outbound },
      {
        source: { metadataUrl },
        idpEntityId: undefined,
        entityId: undefined,
        key: { privateKey, certificate },
        signRequests: false,
        binding: undefined,
        nameIdFormat: undefined,
        subjectAttribute: undefined,
        authnContext: [],
        ...own,
      },
    )

  function doors({ redirect }: Provider) {
    if (!redirect) throw new Error('there is no redirect')
    return redirect
  }

  async function begin(provider: Provider, fresh = false) {
    const beginning: BeginningSignIn = { callback, state, loginHint: undefined, fresh, locales: [] }
    return doors(provider).start(beginning)
  }

  it('signs people in with the lines of the guide', async () => {
    const text = readFileSync(join(root, 'docs/guides/saml.md'), 'utf8')
    const [, lines = ''] = /```yaml\n(.*?)```/s.exec(text) ?? []
    const { metadata_url: metadataUrl, subject_attribute: subjectAttribute } = parse(lines).providers.corp
    expect([metadataUrl, subjectAttribute]).toEqual(['http://127.0.0.1:9200/metadata', 'uid'])

    const described = (await create({ subjectAttribute, key: undefined }).describe?.())?.text ?? ''
    // Its NameID is a transient one, as it is where nothing else is configured.
    const options = "'authproc' => [], 'NameIDFormat' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient',"
    const idp = await startSimpleSaml({ folder: join(folder, 'guide'), serviceProvider: described, options })
    try {
      const visit = async (own: Partial<SamlSettings>) => {
        const provider = create({ subjectAttribute, key: undefined, ...own }, idp.metadataUrl)
        const { go, memory } = await begin(provider)
        const { fields } = await new SamlBrowser(idp).signIn(go, 'bob')
        const parameters = new URLSearchParams(fields)
        return doors(provider).finish({ callback, state, memory, binding: 'form', parameters })
      }
      expect(await visit({})).toMatchObject({ subject: 'bob', claims: { displayName: 'Bob', mail: 'bob@example.com' } })
      const failure = { reason: 'misconfigured', detail: expect.stringMatching('transient') }
      await expect(visit({ subjectAttribute: undefined })).rejects.toMatchObject(failure)
    } finally {
      idp.stop()
    }
  })

  describe.each(ways)('that $name', ({ name, options, own }) => {
    let idp: SimpleSaml
    let provider: Provider
    beforeAll(async () => {
      const described = await create(own).describe?.()
      const home = join(folder, name.replaceAll(' ', '-'))
      idp = await startSimpleSaml({ folder: home, serviceProvider: described?.text ?? '', options })
      provider = create(own, idp.metadataUrl)
    })
    afterAll(() => idp?.stop())

    /** Signs somebody in there, and answers with what their browser brings back. */
    async function visit(who = 'alice', browser = new SamlBrowser(idp), fresh = false) {
      const { go, memory } = await begin(provider, fresh)
      const form = await browser.signIn(go, who)
      expect([form.action, form.fields.RelayState]).toEqual([callback, state])
      return { form, memory, browser }
    }
    const finish = ({ form, memory }: { form: SamlForm; memory: StartedSignIn['memory'] }) =>
      doors(provider).finish({
        ...{ callback, state, memory, binding: 'form' },
        parameters: new URLSearchParams(form.fields),
      })
    const change = (form: SamlForm, edit: (xml: string) => string): SamlForm => {
      const xml = Buffer.from(form.fields.SAMLResponse ?? '', 'base64').toString()
      return { ...form, fields: { ...form.fields, SAMLResponse: Buffer.from(edit(xml)).toString('base64') } }
    }

    it('has nothing wrong with it but that it is here, over http', async () => {
      const findings = []
      for await (const finding of provider.examine()) findings.push(finding)
      expect(findings.filter(({ state: found }) => found === 'wrong')).toEqual([])
      expect(findings.map(({ what }) => what)).toContain('clock')
    })

    it('says who alice is, and bob', async () => {
      const identity = await finish(await visit())
      expect(identity).toMatchObject({
        subject: 'alice',
        claims: { uid: 'alice', mail: 'alice@example.com', groups: ['staff', 'shop-clerks'], name_id: 'alice' },
        amr: ['pwd'],
        session: expect.stringMatching(/^_/),
        logoutMemory: { nameId: 'alice', session: identity?.session },
      })
      expect(await finish(await visit('bob'))).toMatchObject({ subject: 'bob', claims: { groups: 'staff' } })
    })

    it('lets who is signed in come back at once, and asks anew where that has to be', async () => {
      const { browser } = await visit()
      expect(await finish(await visit('alice', browser))).toMatchObject({ subject: 'alice' })
      const { go } = await begin(provider, true)
      const shown = 'url' in go ? await browser.open(go.url) : await browser.open(go.form.action, { ...go.form.fields })
      expect(shown.form?.fields).toHaveProperty('AuthState')
      expect(await finish(await visit('alice', browser, true))).toMatchObject({ subject: 'alice' })
    })

    it('is not believed once an answer of its is changed, or is brought to another sign-in', async () => {
      const edits: [string, (xml: string) => string][] = [
        ['a name', (xml) => xml.replace('>alice<', '>bob<')],
        ['a comment', (xml) => xml.replace('>alice<', '>ali<!---->ce<')],
        ['a comment anywhere', (xml) => xml.replace('<samlp:Status>', '<!-- --><samlp:Status>')],
        ['a document type', (xml) => `<!DOCTYPE x>${xml}`],
        // What is encrypted may be signed inside, and counts then.
        [
          'no signature',
          (xml) =>
            xml.includes('EncryptedAssertion') ? xml : xml.replaceAll(/<ds:Signature .*?<\/ds:Signature>/gs, ''),
        ],
        ['SHA-1', (xml) => xml.replaceAll('xmldsig-more#rsa-sha256', 'xmldsig#rsa-sha1')],
        ['another address', (xml) => xml.replace(/ Destination="[^"]*"/, ' Destination="https://evil.example.com/"')],
        ['another request', (xml) => xml.replaceAll(/InResponseTo="_/g, 'InResponseTo="_x')],
        ['a status', (xml) => xml.replace('status:Success', 'status:Responder')],
        ['two roots', (xml) => xml + xml.replace(/<\?.*?\?>/, '')],
        [
          'an assertion before',
          (xml) => xml.replace(/<saml:(Encrypted)?Assertion/, (tag) => `<saml:Assertion ID="_evil"/>${tag}`),
        ],
        [
          'an assertion after',
          (xml) => xml.replace('</samlp:Response>', '<saml:Assertion ID="_evil"/></samlp:Response>'),
        ],
        ['what is encrypted', (xml) => xml.replace(/<xenc:CipherValue>..../g, '<xenc:CipherValue>AAAA')],
      ]
      for (const [what, edit] of edits) {
        const visited = await visit()
        const changed = change(visited.form, edit)
        if (changed.fields.SAMLResponse === visited.form.fields.SAMLResponse) continue
        const failure = await finish({ ...visited, form: changed }).catch((error: unknown) => error)
        expect(failure, what).toBeInstanceOf(ProviderFailure)
        // The very answer, as it was, is fine.
        expect(await finish(visited), what).toMatchObject({ subject: 'alice' })
      }
      const [first, second] = [await visit(), await visit()]
      await expect(finish({ form: first.form, memory: second.memory })).rejects.toThrow(ProviderFailure)
    })

    it('signs out there who signs out here, and comes back', async () => {
      const { form, memory, browser } = await visit()
      const identity = await finish({ form, memory })
      const leaving = { subject: 'alice', comeBackTo: issuer, state, memory: identity?.logoutMemory ?? {} }
      const going = await provider.signOut?.(leaving)
      const back = await browser.open(going && 'url' in going ? going.url : '')
      const [location, query = ''] = back.url.split('?')
      expect(location).toBe(logout)
      const parameters = new URLSearchParams(query)
      expect(await provider.receiveLogout?.({ parameters, query, binding: 'query', location: logout })).toEqual({
        state,
      })
      const shown = await begin(provider).then(({ go }) =>
        'url' in go ? browser.open(go.url) : browser.open(go.form.action, { ...go.form.fields }),
      )
      expect(shown.form?.fields).toHaveProperty('AuthState')
    })

    it('is believed when it says that somebody has signed out, and answered so that it is content', async () => {
      const { form, memory, browser } = await visit()
      const identity = await finish({ form, memory })
      const left = await browser.open(
        `${idp.url}/saml2/idp/SingleLogoutService.php?ReturnTo=${encodeURIComponent(`${idp.url}/`)}`,
      )
      const [location, query = ''] = left.url.split('?')
      expect(location).toBe(logout)
      const parameters = new URLSearchParams(query)
      const message = { parameters, query, binding: 'query', location: logout } as const
      const ended = await provider.receiveLogout?.(message)
      expect(ended).toMatchObject({ subject: 'alice', session: identity?.session })
      const unsigned = query.replace(/&SigAlg=.*$/, '')
      await expect(provider.receiveLogout?.({ ...message, query: unsigned })).rejects.toThrow(ProviderFailure)
      const answer = ended && 'answer' in ended && ended.answer && 'url' in ended.answer ? ended.answer.url : ''
      const end = await browser.open(answer).catch((error: unknown) => String(error))
      expect(JSON.stringify(end)).not.toMatch(/exception|unhandled|not signed/i)
    })
  })
})
