import { readdirSync, readFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { findProvingTests, findReferencesOfSource, type SpecificationReference } from './specification-references.ts'

/** What each file of test/rfc is about, where its name is not that of an RFC. */
const subjects: Readonly<Record<string, string>> = {
  'openid-core': 'OpenID Connect Core',
  'openid-discovery': 'OpenID Connect Discovery',
  logout: 'OpenID Connect RP-Initiated Logout',
  'form-post': 'OAuth 2.0 Form Post Response Mode',
  jarm: 'JWT Secured Authorization Response Mode',
  fapi2: 'FAPI 2.0 Security Profile',
}

/** What is known and left out on purpose: what, where it is described, and why. */
const leftOut: readonly (readonly [what: string, where: string, why: string])[] = [
  [
    'Implicit grant (`token`, `id_token`)',
    'RFC 6749 section 4.2',
    'Tokens in an address leak by history, logs and referrers (RFC 9700 section 2.1.2)',
  ],
  [
    'Password grant',
    'RFC 6749 section 4.3',
    'Shows passwords to clients and rules out a second factor (RFC 9700 section 2.4). Apps of one’s own have `POST /login`',
  ],
  [
    'Hybrid flow',
    'OpenID Connect Core section 3.3',
    '`code id_token` only, and only for a client with `insecure.hybrid`; never an access token in the front channel',
  ],
  [
    'PKCE with `plain`, or without PKCE',
    'RFC 7636 section 4.2',
    'A plain challenge is the verifier. Confidential clients from before PKCE can be given `insecure.pkce_optional`; public ones cannot',
  ],
  [
    'Wildcards and partial matches of redirect URIs',
    'RFC 9700 section 4.1',
    'Every one of them has led somewhere else some day. Only the port of a loopback address is free',
  ],
  [
    'Unsigned and encrypted request objects',
    'RFC 9101 sections 6.1 and 10.1',
    '`none` proves nothing; for confidentiality there are pushed requests',
  ],
  [
    'Addresses of request objects that were not registered',
    'OpenID Connect Core section 6.2',
    'Would let anybody choose what Gatehouse fetches',
  ],
  [
    'ID tokens with `none` or HS256',
    'OpenID Connect Core section 2',
    'No proof, or a key that the client could forge with; RS256, ES256 and EdDSA are there',
  ],
  [
    'RS256 for clients of FAPI 2.0',
    'FAPI 2.0 Security Profile section 5.4',
    'Not among the profile’s algorithms; refused when the configuration is read',
  ],
  [
    'RSA1_5, `dir`, PBES2 and `zip`',
    'RFC 7518 section 4',
    'Padding oracles, shared weak keys, and work that a stranger can order (RFC 8725 section 3.6). Nothing that comes in is ever decrypted',
  ],
  ['An access token in the query', 'RFC 6750 section 2.3', 'Ends up in logs'],
  [
    '`unsupported_token_type` at revocation',
    'RFC 7009 section 2.2.1',
    'Does not arise: both kinds of tokens can be revoked',
  ],
  [
    'Session management by a frame',
    'OpenID Connect Session Management',
    'Needs third-party cookies, which browsers no longer send; back-channel and front-channel logout are there',
  ],
  ['Aggregated and distributed claims', 'OpenID Connect Core section 5.6', 'All claims are Gatehouse’s own'],
  [
    'The scopes `phone` and `address`',
    'OpenID Connect Core section 5.4',
    'Gatehouse keeps neither of its users; of `email` it answers `email` and `email_verified`, and of `profile` `name`, `preferred_username`, `locale` and `updated_at`',
  ],
  [
    '`display`, `claims_locales`, claims in several languages',
    'OpenID Connect Core section 5.2',
    'Accepted and without effect',
  ],
  ['Self-issued providers', 'OpenID Connect Core section 7', 'Another kind of program'],
  ['WebFinger', 'OpenID Connect Discovery section 2', 'Clients are told their issuer'],
  [
    'An issuer with a path',
    'RFC 8414 section 3.1',
    'One host is one issuer, so that cookies and pages belong to it alone; refused when the configuration is read',
  ],
  [
    'Push mode and user codes of CIBA',
    'OpenID Connect CIBA Core section 10.3',
    'Tokens that are sent out cannot be bound to a sender; poll and ping are there',
  ],
  ['Software statements', 'RFC 7591 section 2.3', 'Nobody to trust for them is configured; the member is ignored'],
  ['Host aliases for mutual TLS', 'RFC 8705 section 5', 'One listener asks for certificates and goes on without'],
]

interface Proof {
  readonly file: string
  readonly name: string
}
interface Row {
  readonly code: Set<string>
  readonly tests: Proof[]
}
type Sections = Map<string, Row>

/**
 * docs/CONFORMANCE.md: which section of which specification is where in the code, and which tests prove it. Read from the
 * sources and tests below `root`, in an order that is the same everywhere.
 */
export function renderConformancePage(root: string): string {
  const bySpecification = collect(root)
  const specifications = [...bySpecification].sort(([a], [b]) => compareNames(a, b))
  return `# Conformance

Which section of which specification is followed where, and what proves it. Made from the \`Spec:\` lines of the code and from
the names of the tests; \`npm run docs\` writes it. A section without a test of its own is covered by those of the sections
around it. What clients that nobody here wrote say of it is in [test/interop](../test/interop/).

## Left out on purpose

| what | where | why |
|---|---|---|
${leftOut.map(([what, where, why]) => `| ${what} | ${where} | ${why} |`).join('\n')}

${specifications.map(([name, sections]) => renderSpecification(name, sections)).join('\n')}`
}

function collect(root: string): ReadonlyMap<string, Sections> {
  const found = new Map<string, Sections>()
  const rowOf = ({ specification, section = '' }: SpecificationReference): Row => {
    const sections = found.get(specification) ?? new Map<string, Row>()
    found.set(specification, sections)
    const row = sections.get(section) ?? { code: new Set(), tests: [] }
    sections.set(section, row)
    return row
  }
  for (const file of listSources(root)) {
    const text = readFileSync(join(root, file), 'utf8')
    if (file.endsWith('.test.ts')) {
      for (const { name, proves } of findProvingTests(text, subjectOf(file)))
        for (const reference of proves) rowOf(reference).tests.push({ file, name })
    } else if (file.startsWith('packages/') && !isAboutTests(file)) {
      for (const reference of findReferencesOfSource(text)) rowOf(reference).code.add(file)
    }
  }
  return found
}

const isAboutTests = (file: string): boolean => /\/(testing|documents)\/|\.suite\.ts$/.test(file)

function subjectOf(file: string): string | undefined {
  if (!file.startsWith('test/rfc/')) return undefined
  const name = basename(file, '.test.ts')
  const [, rfc] = /^rfc(\d+)$/.exec(name) ?? []
  return rfc === undefined ? subjects[name] : `RFC ${rfc}`
}

/** Every TypeScript file of the packages and of test/, from the root, sorted by the bytes of its path. */
function listSources(root: string): readonly string[] {
  const walk = (folder: string): string[] =>
    readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return entry.name === 'node_modules' || entry.name === 'dist' ? [] : walk(path)
      return entry.name.endsWith('.ts') ? [relative(root, path)] : []
    })
  return [...walk(join(root, 'packages')), ...walk(join(root, 'test'))].sort(compareTexts)
}

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** RFCs by number, before the others by name. */
function compareNames(a: string, b: string): number {
  const [first, second] = [a, b].map((name) => Number(/^RFC (\d+)/.exec(name)?.[1] ?? Number.POSITIVE_INFINITY))
  return first === second ? compareTexts(a, b) : (first ?? 0) - (second ?? 0)
}

/** 4.2 before 4.10, and what is about the whole before all sections. */
function compareSections(a: string, b: string): number {
  const [left, right] = [a, b].map((section) => (section === '' ? [] : section.split('.').map(Number)))
  for (let index = 0; index < Math.max(left?.length ?? 0, right?.length ?? 0); index += 1) {
    const difference = (left?.[index] ?? -1) - (right?.[index] ?? -1)
    if (difference !== 0) return difference
  }
  return 0
}

function renderSpecification(name: string, sections: Sections): string {
  const rows = [...sections].sort(([a], [b]) => compareSections(a, b))
  return `## ${linkSpecification(name)}

| section | code | tests |
|---|---|---|
${rows.map(([section, row]) => renderRow(name, section, row)).join('\n')}
`
}

const linkSpecification = (name: string): string => {
  const rfc = /^RFC (\d+)$/.exec(name)?.[1]
  return rfc === undefined ? name : `[${name}](https://www.rfc-editor.org/rfc/rfc${rfc})`
}

function renderRow(name: string, section: string, { code, tests }: Row): string {
  const rfc = /^RFC (\d+)$/.exec(name)?.[1]
  const place =
    rfc === undefined || section === ''
      ? section
      : `[${section}](https://www.rfc-editor.org/rfc/rfc${rfc}#section-${section})`
  const files = [...code].sort(compareTexts).map(linkFile)
  const byFile = new Map<string, string[]>()
  for (const { file, name: test } of tests) byFile.set(file, [...(byFile.get(file) ?? []), shorten(test)])
  const proofs = [...byFile].map(([file, names]) => `${linkFile(file)}: ${names.join('; ')}`)
  return `| ${place} | ${files.join('<br>')} | ${proofs.join('<br>')} |`
}

const linkFile = (file: string): string => `[${file.replace(/^packages\//, '').replace('/src/', '/')}](../${file})`

/** A test's name without the places that stand in their own column, and without values. */
const shorten = (name: string): string =>
  name
    .replace(/^\d[\d.]*(?:(?:, | and | to )\d[\d.]*)*:? /, '')
    .replaceAll(/ ?\((?:%#|(?:RFC|OpenID|CIBA|WebAuthn)[^()]*)\)|:? \$\{[^}]*\}$|:? %[sj]$/g, '')
    .replaceAll(/%[sj]|\$\{[^}]*\}/g, '…')
    .trim()
    .replaceAll('|', '\\|')
    .replaceAll('<', '&lt;')
