import type { Seconds } from '@gatehouse/core/brand'
import type { JsonObject } from '@gatehouse/core/json'
import { clockTolerance, seconds } from '@gatehouse/core/time'
import { tellMoment } from './clock-fault.ts'
import type { OutsideIdentity } from './provider.ts'
import { ProviderFailure } from './provider-failure.ts'
import { methodsOf, readAttributes } from './saml-claims.ts'
import {
  attributeOf,
  childrenOf,
  findChild,
  getChild,
  namedChildren,
  ns,
  parseMoment,
  textOf,
  type XmlElement,
} from './saml-xml.ts'

const bearer = 'urn:oasis:names:tc:SAML:2.0:cm:bearer'
const transient = 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient'

/** What an assertion has to be for. */
export interface ExpectedAssertion {
  /** Whose it is. */
  readonly issuer: string
  /** Our entity id. */
  readonly audience: string
  readonly recipient: string
  /** The id of the request that it answers. */
  readonly request: string
  readonly now: Seconds
  /** They have to have proven who they are since then. */
  readonly freshSince: Seconds | undefined
  /** The attribute that is the subject; undefined = the NameID is. */
  readonly subjectAttribute: string | undefined
}

const refuse = (detail: string): never => {
  throw new ProviderFailure('invalid_answer', detail)
}

/**
 * Who an assertion is of, once it is seen to be for us, for this sign-in and for now. `assertion` is what a signature has been
 * verified to cover. Spec: SAML core 2.3 to 2.7, profiles 4.1.4.2 and 4.1.4.3.
 * Throws {@link ProviderFailure}. Stops: assertions for others, replay, old ones.
 */
export function readAssertion(assertion: XmlElement, expected: ExpectedAssertion): OutsideIdentity {
  if (assertion.namespaceURI !== ns.assertion || assertion.localName !== 'Assertion') refuse('there is no assertion')
  if (attributeOf(assertion, 'Version') !== '2.0') refuse('the assertion is not of SAML 2.0')
  if (textOf(getChild(assertion, ns.assertion, 'Issuer')) !== expected.issuer)
    refuse('the assertion has another issuer')
  const subject = getChild(assertion, ns.assertion, 'Subject')
  checkConfirmations(subject, expected)
  checkConditions(getChild(assertion, ns.assertion, 'Conditions'), expected)
  const statement = readStatement(assertion, expected)

  const attributes = readAttributes(assertion)
  const nameId = findChild(subject, ns.assertion, 'NameID')
  const value = nameId && textOf(nameId)
  const claims: JsonObject = value === undefined ? attributes : { ...attributes, name_id: value }
  return {
    subject: chooseSubject(nameId, claims, expected.subjectAttribute),
    claims,
    authTime: statement.authTime,
    ...(statement.amr ? { amr: statement.amr } : {}),
    session: statement.session,
    logoutMemory: nameId && buildLogoutMemory(nameId, statement.session),
  }
}

function chooseSubject(nameId: XmlElement | undefined, claims: JsonObject, attribute: string | undefined): string {
  if (attribute === undefined && nameId && attributeOf(nameId, 'Format') === transient) {
    throw new ProviderFailure(
      'misconfigured',
      'its NameID is a transient one, new at each sign-in: set subject_attribute, or have it send a persistent one',
    )
  }
  const subject =
    attribute === undefined ? nameId && textOf(nameId) : Object.hasOwn(claims, attribute) && claims[attribute]
  if (typeof subject !== 'string' || subject === '' || subject.length > 255) {
    const what = attribute === undefined ? 'NameID' : `attribute ${attribute}`
    throw new ProviderFailure('misconfigured', `it sends no ${what} that is one text of 1 to 255 characters`)
  }
  return subject
}

function buildLogoutMemory(nameId: XmlElement, session: string | undefined): JsonObject {
  const parts = {
    nameId: textOf(nameId),
    format: attributeOf(nameId, 'Format'),
    nameQualifier: attributeOf(nameId, 'NameQualifier'),
    spNameQualifier: attributeOf(nameId, 'SPNameQualifier'),
    session,
  }
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined))
}

/** Whether a period is now; either end may be open. */
function checkPeriod(element: XmlElement, now: Seconds, what: string): void {
  const notBefore = attributeOf(element, 'NotBefore')
  const notOnOrAfter = attributeOf(element, 'NotOnOrAfter')
  const begins = notBefore === undefined ? undefined : parseMoment(notBefore) / 1000
  if (begins !== undefined && begins > now + clockTolerance) {
    refuse(`${what} is not valid yet: ${tellMoment('NotBefore', begins, now)}`)
  }
  const ends = notOnOrAfter === undefined ? undefined : parseMoment(notOnOrAfter) / 1000
  if (ends !== undefined && ends <= now - clockTolerance) {
    refuse(`${what} is not valid any more: ${tellMoment('NotOnOrAfter', ends, now)}`)
  }
}

function checkConfirmations(subject: XmlElement, expected: ExpectedAssertion): void {
  const bearers = namedChildren(subject, ns.assertion, 'SubjectConfirmation').filter(
    (confirmation) => attributeOf(confirmation, 'Method') === bearer,
  )
  let fault: unknown
  for (const confirmation of bearers) {
    try {
      return checkConfirmation(getChild(confirmation, ns.assertion, 'SubjectConfirmationData'), expected)
    } catch (error) {
      fault = error
    }
  }
  throw fault ?? new ProviderFailure('invalid_answer', 'there is no bearer confirmation in the assertion')
}

function checkConfirmation(data: XmlElement, { recipient, request, now }: ExpectedAssertion): void {
  if (attributeOf(data, 'Recipient') !== recipient) refuse('the assertion is for another recipient')
  if (attributeOf(data, 'InResponseTo') !== request) refuse('the assertion answers another request')
  if (attributeOf(data, 'NotOnOrAfter') === undefined) refuse('the assertion does not say until when it may be brought')
  checkPeriod(data, now, 'the confirmation of the assertion')
}

const knownConditions = ['AudienceRestriction', 'OneTimeUse', 'ProxyRestriction']

function checkConditions(conditions: XmlElement, { audience, now }: ExpectedAssertion): void {
  checkPeriod(conditions, now, 'the assertion')
  for (const { namespaceURI, localName } of childrenOf(conditions)) {
    if (namespaceURI !== ns.assertion || !knownConditions.includes(localName))
      refuse('the assertion has a strange condition')
  }
  const restrictions = namedChildren(conditions, ns.assertion, 'AudienceRestriction')
  const isForUs = (restriction: XmlElement) =>
    namedChildren(restriction, ns.assertion, 'Audience').some((element) => textOf(element) === audience)
  if (restrictions.length === 0 || !restrictions.every(isForUs)) refuse('the assertion is for another audience')
}

function readStatement(
  assertion: XmlElement,
  { now, freshSince }: ExpectedAssertion,
): {
  readonly session: string | undefined
  readonly authTime: Seconds
  readonly amr: readonly string[] | undefined
} {
  const statement = getChild(assertion, ns.assertion, 'AuthnStatement')
  const ends = attributeOf(statement, 'SessionNotOnOrAfter')
  const sessionEnds = ends === undefined ? undefined : parseMoment(ends) / 1000
  if (sessionEnds !== undefined && sessionEnds <= now - clockTolerance) {
    refuse(`the session there has ended: ${tellMoment('SessionNotOnOrAfter', sessionEnds, now)}`)
  }
  const instant = parseMoment(attributeOf(statement, 'AuthnInstant') ?? refuse('there is no AuthnInstant'))
  if (freshSince !== undefined && instant < (freshSince - clockTolerance) * 1000) {
    refuse(`they had to prove anew who they are, and have not: ${tellMoment('AuthnInstant', instant / 1000, now)}`)
  }
  const context = findChild(statement, ns.assertion, 'AuthnContext')
  const reference = context && findChild(context, ns.assertion, 'AuthnContextClassRef')
  const session = attributeOf(statement, 'SessionIndex')
  return {
    session: session === '' ? undefined : session,
    authTime: seconds(Math.floor(instant / 1000)),
    amr: reference && methodsOf(textOf(reference)),
  }
}
