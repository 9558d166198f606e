import { randomBytes } from 'node:crypto'
import type { Clock } from '@gatehouse/core/time'
import { seconds } from '@gatehouse/core/time'
import { generateServiceProviderMetadata } from '@node-saml/node-saml'
import type {
  BeginningSignIn,
  OutsideIdentity,
  Provider,
  ProviderAnswer,
  ProviderParts,
  StartedSignIn,
} from './provider.ts'
import { ProviderFailure } from './provider-failure.ts'
import { readAssertion } from './saml-assertion.ts'
import { examineSaml } from './saml-examine.ts'
import { createLibrary, type ServiceProvider } from './saml-library.ts'
import { buildLogoutRequest, readLogout } from './saml-logout.ts'
import type { IdentityProvider } from './saml-metadata.ts'
import { readResponse, verifyAssertion } from './saml-response.ts'
import type { SamlSettings } from './saml-settings.ts'
import { createKnownProvider, type KnownProvider } from './saml-source.ts'

/**
 * People of a SAML 2.0 identity provider, by its web browser SSO profile: asked for by us, answered by a form. Answers that
 * nobody asked for are refused. Spec: SAML core, bindings, profiles 4.1 and 4.4, metadata.
 */
export function createSamlProvider(parts: ProviderParts, settings: SamlSettings): Provider {
  const { clock } = parts
  const base = `${parts.issuer}/federation/${parts.name}`
  const us: ServiceProvider = {
    entityId: settings.entityId ?? `${base}/metadata`,
    callback: `${base}/callback`,
    key: settings.key,
  }
  const known = createKnownProvider(parts, settings.source, settings.idpEntityId)

  return {
    redirect: {
      start: (begin) => guard(async () => start(begin, await known.get(), us, settings, clock)),
      finish: (answer) => guard(() => finish(answer, known, us, settings, clock)),
    },
    receiveLogout: (message) =>
      guard(async () => {
        const isSubject = settings.subjectAttribute === undefined
        return readLogout(message, { clock, us, them: await known.get(), isSubject })
      }),
    signOut: (leaving) => guard(async () => buildLogoutRequest(leaving, us, await known.get())),
    describe: () =>
      guard(async () => ({ type: 'application/samlmetadata+xml', text: describe(us, `${base}/logout`, settings) })),
    examine: () => examineSaml(known, settings, clock),
    close() {},
  }
}

/** What the library throws, and we do not expect, is a failure like any other; what it says may quote a message. */
async function guard<T>(door: () => Promise<T>): Promise<T> {
  try {
    return await door()
  } catch (error) {
    if (error instanceof ProviderFailure) throw error
    throw new ProviderFailure(
      'invalid_answer',
      `something unexpected: ${error instanceof Error ? error.name : 'unknown'}`,
    )
  }
}

async function start(
  begin: BeginningSignIn,
  them: IdentityProvider,
  us: ServiceProvider,
  settings: SamlSettings,
  clock: Clock,
): Promise<StartedSignIn> {
  const binding = settings.binding ?? (them.signOn.redirect ? 'redirect' : 'post')
  const entryPoint = them.signOn[binding]
  if (!entryPoint) throw new ProviderFailure('misconfigured', `it does not take requests by the ${binding} binding`)
  if (them.wantsSignedRequests && !settings.signRequests) {
    throw new ProviderFailure('misconfigured', 'it wants requests signed: set key_file and certificate_file')
  }
  const request = `_${randomBytes(20).toString('hex')}`
  const { nameIdFormat, authnContext } = settings
  const library = createLibrary(
    { ...us, callback: begin.callback, key: settings.signRequests ? us.key : undefined },
    them,
    {
      entryPoint,
      generateUniqueId: () => request,
      forceAuthn: begin.fresh,
      identifierFormat: nameIdFormat ?? null,
      disableRequestedAuthnContext: authnContext.length === 0,
      authnContext: [...authnContext],
      // A form carries the document as it is (bindings 3.5.4).
      skipRequestCompression: binding === 'post',
    },
  )
  const memory = { request, fresh: begin.fresh && !begin.mayBeOld, at: clock.now() }
  if (binding === 'redirect')
    return { go: { url: await library.getAuthorizeUrlAsync(begin.state, undefined, {}) }, memory }
  const message = await library.getAuthorizeMessageAsync(begin.state, undefined, {})
  const fields = { SAMLRequest: String(message.SAMLRequest), RelayState: begin.state }
  return { go: { form: { action: entryPoint, fields } }, memory }
}

async function finish(
  answer: ProviderAnswer,
  known: KnownProvider,
  us: ServiceProvider,
  settings: SamlSettings,
  clock: Clock,
): Promise<OutsideIdentity> {
  const { parameters, memory } = answer
  const [base64, second] = parameters.getAll('SAMLResponse')
  if (answer.binding !== 'form' || base64 === undefined || second !== undefined) {
    throw new ProviderFailure('invalid_answer', 'there is not one SAMLResponse that came by a form')
  }
  if (typeof memory.request !== 'string' || typeof memory.at !== 'number') {
    throw new ProviderFailure('invalid_answer', 'nothing was asked for')
  }
  let them = await known.get()
  const { request } = memory
  const response = readResponse(base64, { issuer: them.entityId, destination: answer.callback, request })
  const ours = { ...us, callback: answer.callback }
  let assertion = await verifyAssertion(response, ours, them, settings.key)
  if (!assertion) {
    // Its key may be a new one.
    const renewed = await known.refresh()
    if (renewed) {
      them = renewed
      assertion = await verifyAssertion(response, ours, them, settings.key)
    }
  }
  if (!assertion) throw new ProviderFailure('invalid_answer', 'its signature does not hold')
  return readAssertion(assertion, {
    issuer: them.entityId,
    audience: us.entityId,
    recipient: answer.callback,
    request,
    now: clock.now(),
    freshSince: memory.fresh === true ? seconds(memory.at) : undefined,
    subjectAttribute: settings.subjectAttribute,
  })
}

const postBinding = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST'
const redirectBinding = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect'

/** Our metadata. Spec: SAML metadata 2.4.4. */
function describe(us: ServiceProvider, logout: string, { key, signRequests, nameIdFormat }: SamlSettings): string {
  const text = generateServiceProviderMetadata({
    issuer: us.entityId,
    callbackUrl: us.callback,
    logoutCallbackUrl: logout,
    identifierFormat: nameIdFormat ?? null,
    wantAssertionsSigned: true,
    ...(key
      ? {
          privateKey: key.privateKey,
          publicCerts: key.certificate,
          decryptionPvk: key.privateKey,
          decryptionCert: key.certificate,
        }
      : {}),
  })
  // The library names one binding for logout and takes a key for a promise to sign; both bindings are taken here.
  return text
    .replace(/<SingleLogoutService [^>]*>/, (service) => `${service.replace(postBinding, redirectBinding)}${service}`)
    .replace(/AuthnRequestsSigned="\w+"/, `AuthnRequestsSigned="${signRequests}"`)
}
