import type { JsonObject } from '@gatehouse/core/json'
import { type Clock, clockTolerance, seconds } from '@gatehouse/core/time'
import type { Profile, SAML } from '@node-saml/node-saml'
import { tellMoment } from './clock-fault.ts'
import type { Going, Leaving, LogoutDoor, RemoteLogout, SignedOutThere } from './provider.ts'
import { ProviderFailure } from './provider-failure.ts'
import { readDeflated, readPosted } from './saml-guard.ts'
import { createLibrary, type ServiceProvider } from './saml-library.ts'
import type { IdentityProvider } from './saml-metadata.ts'
import { checkSignatures, signatureAlgorithms } from './saml-structure.ts'
import {
  attributeOf,
  findChild,
  getChild,
  namedChildren,
  ns,
  parseMoment,
  parseXml,
  textOf,
  type XmlElement,
} from './saml-xml.ts'

/** How old a request may be, in seconds. */
const maxAge = 300

const refuse = (detail: string): never => {
  throw new ProviderFailure('invalid_answer', detail)
}

/** What a logout is read with. */
interface LogoutParts {
  readonly clock: Clock
  readonly us: ServiceProvider
  readonly them: IdentityProvider
  /** Whether the NameID is the subject. */
  readonly isSubject: boolean
}

type LogoutMessage = Parameters<LogoutDoor>[0]

/**
 * Reads what came to our address for single logout: the provider's own request, signed, or what it answers to one of ours.
 * Spec: SAML profiles 4.4, bindings 3.4.4.1. Throws {@link ProviderFailure}.
 * Stops: logouts that others make up or bring again, deflate bombs, a logout that passes for something else.
 */
export async function readLogout(message: LogoutMessage, parts: LogoutParts): Promise<RemoteLogout | SignedOutThere> {
  const { parameters, binding } = message
  const [kind, other] = parameters.has('SAMLRequest')
    ? ['SAMLRequest', 'SAMLResponse']
    : ['SAMLResponse', 'SAMLRequest']
  const values = parameters.getAll(kind)
  if (values.length !== 1 || parameters.has(other)) refuse('there is not one SAML message')
  const text = binding === 'query' ? readDeflated(values[0] ?? '') : readPosted(values[0] ?? '')
  const root = parseXml(text)
  const name = kind === 'SAMLRequest' ? 'LogoutRequest' : 'LogoutResponse'
  if (root.namespaceURI !== ns.protocol || root.localName !== name) refuse(`what came is no ${name}`)
  if (attributeOf(root, 'Version') !== '2.0') refuse('it is not of SAML 2.0')
  if (attributeOf(root, 'Destination') !== message.location) refuse('it was for another address')
  if (textOf(getChild(root, ns.assertion, 'Issuer')) !== parts.them.entityId) refuse('it has another issuer')
  return kind === 'SAMLResponse' ? readAnswer(root, parameters) : readRequest({ message, root, text }, parts)
}

/** Nothing rests on an answer but where a browser goes: it need not be signed, and has to be one to what we sent. */
function readAnswer(root: XmlElement, parameters: URLSearchParams): SignedOutThere {
  const state = parameters.get('RelayState') ?? ''
  if (attributeOf(root, 'InResponseTo') !== requestIdOf(state)) refuse('it answers another request')
  return { state }
}

async function readRequest(
  { message, root, text }: { readonly message: LogoutMessage; readonly root: XmlElement; readonly text: string },
  { clock, us, them, isSubject }: LogoutParts,
): Promise<RemoteLogout> {
  const id = attributeOf(root, 'ID') ?? refuse('it has no id')
  const nameId = findChild(root, ns.assertion, 'NameID') ?? refuse('there is no NameID in it that is not encrypted')
  const library = createLibrary(us, them)
  if (message.binding === 'query') await checkQuerySignature(library, message)
  else await checkFormSignature(library, { root, text })

  const issued = parseMoment(attributeOf(root, 'IssueInstant') ?? '') / 1000
  const until = Math.min(
    issued + maxAge,
    parseMoment(attributeOf(root, 'NotOnOrAfter') ?? '9999-01-01T00:00:00Z') / 1000,
  )
  const isNow = issued <= clock.now() + clockTolerance && until > clock.now() - clockTolerance
  if (!isNow) refuse(`it is too old, or from the future: ${tellMoment('IssueInstant', issued, clock.now())}`)

  const sessions = namedChildren(root, ns.protocol, 'SessionIndex').map(textOf)
  const subject = isSubject ? textOf(nameId) : undefined
  // Several sessions are more than can be named here: all of the subject's end then.
  const session = sessions.length === 1 || subject === undefined ? sessions[0] : undefined
  if ((subject ?? session ?? '') === '') refuse('it does not say whose session ends')
  return {
    subject,
    session,
    once: { id, until: seconds(Math.ceil(until) + clockTolerance) },
    answer: await answerTo(id, message.parameters.get('RelayState') ?? '', us, them),
  }
}

/** The query has to be signed as it was sent; the library is given the parameters that SAML has and no others. */
async function checkQuerySignature(library: SAML, { query = '' }: LogoutMessage): Promise<void> {
  const raw = new Map<string, string>()
  for (const part of query.split('&')) {
    const name = part.split('=', 1)[0] ?? ''
    if (!['SAMLRequest', 'RelayState', 'SigAlg', 'Signature'].includes(name)) continue
    if (raw.has(name)) refuse('a parameter is there twice')
    raw.set(name, part)
  }
  const signedQuery = ['SAMLRequest', 'RelayState', 'SigAlg'].flatMap((name) => raw.get(name) ?? []).join('&')
  const values = Object.fromEntries(new URLSearchParams([...raw.values()].join('&')))
  if (!values.SAMLRequest || !values.Signature || !signatureAlgorithms.has(values.SigAlg ?? '')) {
    refuse('it is not signed, or by an algorithm that is not taken')
  }
  await library.validateRedirectAsync(values, signedQuery).catch(() => refuse('its signature does not hold'))
}

async function checkFormSignature(library: SAML, { root, text }: { root: XmlElement; text: string }): Promise<void> {
  if (checkSignatures(root, [root]).length !== 1) refuse('it is not signed')
  const SAMLRequest = Buffer.from(text).toString('base64')
  await library.validatePostRequestAsync({ SAMLRequest }).catch(() => refuse('its signature does not hold'))
}

/** Where the browser that brought a request goes with our answer; undefined = the provider takes none that way. */
async function answerTo(id: string, relayState: string, us: ServiceProvider, them: IdentityProvider) {
  if (!them.signOut) return undefined
  const library = createLibrary(us, them, { entryPoint: them.signOut.answer, logoutUrl: them.signOut.answer })
  const asked: Profile = { ID: id, issuer: them.entityId, nameID: '', nameIDFormat: '' }
  return { url: await library.getLogoutResponseUrlAsync(asked, relayState.slice(0, 1024), {}, true) }
}

/** The id of a request to sign out is made of its state, which its answer brings back: nothing has to be remembered. */
const requestIdOf = (state: string): string => `_${state}`

/**
 * Where somebody is sent to sign out at the provider too; undefined = it cannot be told to, or nothing is known of a session.
 * Spec: SAML profiles 4.4.3.1.
 */
export async function buildLogoutRequest(
  { memory, state }: Pick<Leaving, 'memory' | 'state'>,
  us: ServiceProvider,
  them: IdentityProvider,
): Promise<Going | undefined> {
  const nameID = textIn(memory, 'nameId')
  if (!them.signOut || nameID === undefined) return undefined
  const [nameQualifier, spNameQualifier] = [textIn(memory, 'nameQualifier'), textIn(memory, 'spNameQualifier')]
  const sessionIndex = textIn(memory, 'session')
  const library = createLibrary(us, them, {
    entryPoint: them.signOut.request,
    logoutUrl: them.signOut.request,
    generateUniqueId: () => requestIdOf(state),
  })
  const leaving: Profile = {
    issuer: them.entityId,
    nameID,
    nameIDFormat: textIn(memory, 'format') ?? 'urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified',
    ...(nameQualifier === undefined ? {} : { nameQualifier }),
    ...(spNameQualifier === undefined ? {} : { spNameQualifier }),
    ...(sessionIndex === undefined ? {} : { sessionIndex }),
  }
  return { url: await library.getLogoutUrlAsync(leaving, state, {}) }
}

function textIn(memory: JsonObject, name: string): string | undefined {
  const value = memory[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}
