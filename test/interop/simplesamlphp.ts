import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findFreePort } from '../flows/running-program.ts'

/** What differs between identity providers of simplesamlphp. */
export interface SimpleSamlOptions {
  readonly folder: string
  /** Our metadata. */
  readonly serviceProvider: string
  /** Options of its own, as PHP: `'assertion.encryption' => true`. */
  readonly options?: string
  readonly port?: number
}

/** simplesamlphp as an identity provider, on this machine alone. */
export interface SimpleSaml {
  readonly metadataUrl: string
  readonly url: string
  stop(): void
}

const people = `
  'alice:alice-at-corp' => ['uid' => ['alice'], 'mail' => ['alice@example.com'], 'displayName' => ['Alice'], 'groups' => ['staff', 'shop-clerks']],
  'bob:bob-at-corp' => ['uid' => ['bob'], 'mail' => ['bob@example.com'], 'displayName' => ['Bob'], 'groups' => ['staff']],
`

const configuration = (folder: string, url: string): string => `<?php
$config = [
  'baseurlpath' => '${url}/',
  'certdir' => '${folder}/',
  'loggingdir' => '${folder}/log/',
  'datadir' => '${folder}/data/',
  'tempdir' => '${folder}/temp',
  'secretsalt' => 'salt-of-this-test-alone',
  'auth.adminpassword' => 'password-of-this-test-alone',
  'technicalcontact_email' => 'nobody@example.com',
  'timezone' => 'UTC',
  'logging.level' => SimpleSAML\\Logger::INFO,
  'logging.handler' => 'file',
  'enable.saml20-idp' => true,
  'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true],
  'session.cookie.secure' => false,
  'session.cookie.samesite' => null,
  'session.phpsession.savepath' => '${folder}/temp',
  'language.cookie.secure' => false,
  'language.cookie.samesite' => null,
  'store.type' => 'phpsession',
  'metadata.sources' => [['type' => 'flatfile', 'directory' => '${folder}/'], ['type' => 'xml', 'file' => '${folder}/sp.xml']],
];
`

const hosted = (options: string): string => `<?php
$metadata['__DYNAMIC:1__'] = [
  'host' => '__DEFAULT__',
  'privatekey' => 'idp.key',
  'certificate' => 'idp.pem',
  'auth' => 'people',
  'SingleSignOnServiceBinding' => ['urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect', 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST'],
  'SingleLogoutServiceBinding' => ['urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect', 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST'],
  'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  'sign.logout' => true,
  'NameIDFormat' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
  'authproc' => [1 => ['class' => 'saml:AttributeNameID', 'attribute' => 'uid', 'Format' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent']],
  ${options}
];
`

/** Makes a key with a certificate, as `NAME.key` and `NAME.pem`. */
export function makeKey(folder: string, name: string): { readonly key: string; readonly cert: string } {
  const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)]
  const subject = ['-subj', `/CN=${name}`, '-days', '365']
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject, '-keyout', key, '-out', cert], {
    stdio: 'ignore',
  })
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
}

/** Starts it; whoever does stops it. */
export async function startSimpleSaml(settings: SimpleSamlOptions): Promise<SimpleSaml> {
  const { folder, serviceProvider, options = '' } = settings
  const port = settings.port ?? (await findFreePort())
  const url = `http://127.0.0.1:${port}`
  for (const name of ['', 'log', 'data', 'temp']) mkdirSync(join(folder, name), { recursive: true })
  makeKey(folder, 'idp')
  writeFileSync(join(folder, 'config.php'), configuration(folder, url))
  writeFileSync(
    join(folder, 'authsources.php'),
    `<?php\n$config = ['people' => ['exampleauth:UserPass', ${people}]];\n`,
  )
  writeFileSync(join(folder, 'saml20-idp-hosted.php'), hosted(options))
  writeFileSync(join(folder, 'sp.xml'), serviceProvider)
  const php: ChildProcess = spawn('php', ['-S', `127.0.0.1:${port}`, '-t', '/usr/share/simplesamlphp/www'], {
    env: { ...process.env, SIMPLESAMLPHP_CONFIG_DIR: folder },
    stdio: 'ignore',
  })
  const metadataUrl = `${url}/saml2/idp/metadata.php`
  for (let tries = 0; tries < 100; tries += 1) {
    const answer = await fetch(metadataUrl).catch(() => undefined)
    if (answer?.ok) return { metadataUrl, url, stop: () => php.kill() }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  php.kill()
  throw new Error('simplesamlphp did not start')
}

/** A form on a page of it, or one that a page sends by itself. */
export interface SamlForm {
  readonly action: string
  readonly fields: Record<string, string>
}

const unescapeHtml = (text: string): string =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#039;', "'")
    .replaceAll('&amp;', '&')

function readForm(html: string): SamlForm | undefined {
  const form = /<form[^>]*method="post"[\s\S]*?<\/form>/i.exec(html)?.[0]
  if (form === undefined) return undefined
  const readAttribute = (tag: string, name: string) =>
    unescapeHtml(new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? '')
  const inputs = [...form.matchAll(/<input\b[^>]*>/g)].map(([tag]) => [
    readAttribute(tag, 'name'),
    readAttribute(tag, 'value'),
  ])
  return { action: readAttribute(form, 'action'), fields: Object.fromEntries(inputs.filter(([name]) => name !== '')) }
}

/** Somebody's browser at simplesamlphp: it keeps cookies and follows its redirects, and stops at what leads elsewhere. */
export class SamlBrowser {
  readonly #url: string
  readonly #cookies = new Map<string, string>()

  constructor({ url }: SimpleSaml) {
    this.#url = url
  }

  /** Opens an address or sends a form there; answers with where it leads: an address elsewhere, or the form of a page. */
  async open(
    target: string,
    form?: Record<string, string>,
  ): Promise<{ readonly url: string; readonly form?: SamlForm }> {
    let [url, body] = [target, form]
    for (let steps = 0; steps < 10; steps += 1) {
      const response = await fetch(url, {
        method: body ? 'POST' : 'GET',
        redirect: 'manual',
        headers: { cookie: [...this.#cookies].map((pair) => pair.join('=')).join('; ') },
        ...(body ? { body: new URLSearchParams(body) } : {}),
      })
      for (const cookie of response.headers.getSetCookie()) {
        const [name = '', value = ''] = cookie.split(';', 1)[0]?.split(/=(.*)/s) ?? []
        this.#cookies.set(name, value)
      }
      const location = response.headers.get('location')
      if (location === null) {
        const text = await response.text()
        const found = readForm(text)
        if (!found) throw new Error(`${response.status} ${url} ${text.replace(/<[^>]*>|\s+/g, ' ').slice(0, 2000)}`)
        return { url, form: { ...found, action: new URL(found.action, url).href } }
      }
      url = new URL(location, url).href
      body = undefined
      if (!url.startsWith(this.#url)) return { url }
    }
    throw new Error('it redirects on and on')
  }

  /** Opens what a sign-in of ours leads to, signs in where a page asks for it, and answers with the form for us. */
  async signIn(go: { url: string } | { form: SamlForm }, name: string): Promise<SamlForm> {
    const shown = 'url' in go ? await this.open(go.url) : await this.open(go.form.action, go.form.fields)
    const asks = shown.form && 'AuthState' in shown.form.fields
    const { form } = asks
      ? await this.open(shown.form.action, { ...shown.form.fields, username: name, password: `${name}-at-corp` })
      : shown
    if (!form || !('SAMLResponse' in form.fields)) throw new Error(`there is no answer, but ${JSON.stringify(form)}`)
    return form
  }
}
