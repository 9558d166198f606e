/** A place in a specification: its name and, where there is one, the section. */
export interface SpecificationReference {
  readonly specification: string
  readonly section: string | undefined
}

/** How specifications that are no RFC are called, each by the name that stands in documents; the longest first. */
const namedSpecifications: readonly (readonly [said: RegExp, name: string])[] = [
  [/(?:OpenID Connect )?CIBA Core(?: 1\.0)?/, 'OpenID Connect CIBA Core'],
  [/(?:OpenID Connect )?RP-Initiated Logout/, 'OpenID Connect RP-Initiated Logout'],
  [/(?:OpenID Connect )?Back-Channel Logout/, 'OpenID Connect Back-Channel Logout'],
  [/(?:OpenID Connect )?Front-Channel Logout/, 'OpenID Connect Front-Channel Logout'],
  [/OpenID Connect EAP ACR Values/, 'OpenID Connect EAP ACR Values'],
  [/OpenID Connect Core/, 'OpenID Connect Core'],
  [/OpenID Connect Discovery(?: 1\.0)?/, 'OpenID Connect Discovery'],
  [/OpenID Connect Registration/, 'OpenID Connect Registration'],
  [/FAPI 2\.0 Message Signing/, 'FAPI 2.0 Message Signing'],
  [/FAPI 2\.0(?: Security Profile)?/, 'FAPI 2.0 Security Profile'],
  [/JARM|JWT Secured Authorization Response Mode/, 'JWT Secured Authorization Response Mode'],
  [/(?:OAuth 2\.0 )?Form Post Response Mode/, 'OAuth 2.0 Form Post Response Mode'],
  [/OAuth 2\.0 Multiple Response Types/, 'OAuth 2.0 Multiple Response Types'],
  [/(?:OAuth )?Client ID Metadata Documents?/, 'OAuth Client ID Metadata Document'],
  [/WebAuthn(?: Level 3)?/, 'Web Authentication Level 3'],
]

const number = String.raw`\d+(?:\.\d+)*`
const names = ['RFC \\d+(?:bis)?', ...namedSpecifications.map(([said]) => said.source)].join('|')
const referencePattern = new RegExp(
  `(${names})(?: sections? (${number}(?:(?:, | and | to )${number}(?! [A-Z]))*))?`,
  'g',
)

/** Every place in a specification that a text names: "RFC 9728 sections 2, 3.1 and 3.3" are three. */
export function findReferences(text: string): readonly SpecificationReference[] {
  return [...text.matchAll(referencePattern)].flatMap(([, said = '', sections]): readonly SpecificationReference[] => {
    const specification = nameOf(said)
    if (sections === undefined) return [{ specification, section: undefined }]
    return (sections.match(new RegExp(number, 'g')) ?? []).map((section) => ({ specification, section }))
  })
}

const nameOf = (said: string): string =>
  said.startsWith('RFC ')
    ? said
    : (namedSpecifications.find(([pattern]) => new RegExp(`^(?:${pattern.source})$`).test(said))?.[1] ?? said)

/**
 * What a source file says that it follows: the `Spec:` sentences of its comments and the `spec` of its endpoints, which is
 * a member or, where a function of the file describes several of them, an argument on a line of its own.
 */
export function findReferencesOfSource(text: string): readonly SpecificationReference[] {
  const comments = [...text.matchAll(/\/\*\*[\s\S]*?\*\/|\/\/.*/g)].map(([comment]) =>
    comment.replaceAll(/\s*\n\s*\*?\s*/g, ' '),
  )
  const sentences = comments.flatMap((comment) => [
    ...comment.matchAll(/Spec: (.*?)(?:\.(?= [A-Z`]|\s*\*\/|$)|\*\/|$)/g),
  ])
  const members = [...text.matchAll(/\bspec: '([^']+)'/g)]
  const handedOn = [...text.matchAll(/^\s*'((?:RFC|OpenID)[^']*)',$/gm)]
  return [...sentences, ...members, ...handedOn].flatMap(([, said = '']) => findReferences(said))
}

/** A test by its name, and what it proves. */
export interface ProvingTest {
  readonly name: string
  readonly proves: readonly SpecificationReference[]
}

const testNamePattern = /(?:\b(?:it|describe)\(\s*|\]\)\(\s*|\)\)\(\s*|[\w.]+\)\(\s*)(['`])((?:\\.|(?!\1).)*)\1\s*,/g
const leadingSections = new RegExp(`^(${number}(?:(?:, | and | to )${number})*)(?=[ :])`)

/**
 * The tests of a file that name what they prove: anywhere by "(RFC … section …)", and in a file about one specification by
 * the section that their names begin with.
 */
export function findProvingTests(text: string, about: string | undefined): readonly ProvingTest[] {
  return [...text.matchAll(testNamePattern)].flatMap(([, , written = '']) => {
    const name = written.replaceAll(/\\(['`])/g, '$1')
    const leading = about === undefined ? undefined : leadingSections.exec(name)?.[1]
    const sections = leading?.match(new RegExp(number, 'g')) ?? []
    const proves = [
      ...sections.map((section) => ({ specification: about ?? '', section })),
      ...findReferences(/\(([^()]*)\)/.exec(name)?.[1] ?? ''),
    ]
    return proves.length === 0 ? [] : [{ name, proves }]
  })
}
