import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import type { Store } from '@gatehouse/store/store'
import * as Type from 'typebox'
import { recordEvent } from '../domain/audit.ts'
import type { EmailChanges } from '../domain/email-change.ts'
import { proofLifetimes } from '../domain/mailed-proofs.ts'
import type { AddressLimit } from '../http/address-limit.ts'
import type { Cookies } from '../http/cookies.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { findAsker } from '../login/browser-asker.ts'
import { locales } from '../messages/messages.ts'
import type { Looks } from '../pages/look.ts'
import { renderLinkGone, renderMailSent } from '../pages/mailed.ts'
import { redirectTo } from '../pages/page.ts'
import { renderProfile } from '../pages/profile.ts'
import { type Owner, type OwnerDependencies, ownerAsActor, ownerPage, showToOwner, takeFromOwner } from './owner.ts'

interface Dependencies extends OwnerDependencies {
  readonly store: Store
  readonly cookies: Cookies
  readonly looks: Pick<Looks, 'remember'>
  readonly emailChanges: EmailChanges
  readonly mailRequests: AddressLimit
  /** Whether people can be sent mails. */
  readonly canSend: boolean
}

const profileSchema = Type.Object({
  flow: Type.String(),
  name: Type.Optional(Type.String({ maxLength: 100 })),
  locale: Type.Union(locales.map((locale) => Type.Literal(locale))),
})

const emailSchema = Type.Object({
  flow: Type.String(),
  email: Type.Optional(Type.String({ description: 'The new address: a link is mailed there' })),
  token: Type.Optional(Type.String({ maxLength: 100, description: 'From that link: the new address counts' })),
})

type ProfileForm = Type.Static<typeof profileSchema>
type EmailForm = Type.Static<typeof emailSchema>

/** Where people see and change who they are. A new address asks for a sign-in of the last five minutes. */
export const profileEndpoints = (dependencies: Dependencies): readonly Endpoint[] => [
  defineEndpoint({
    ...ownerPage,
    method: 'GET',
    path: paths.accountProfile,
    summary: 'The page on which people see and change their name, language and address',
    bodyKind: 'none',
    handle: (request) =>
      showToOwner(dependencies, request, paths.accountProfile, (owner) =>
        renderProfile(request.look, pageOf(dependencies, owner)),
      ),
  }),
  defineEndpoint({
    ...ownerPage,
    method: 'POST',
    path: paths.accountProfile,
    summary: 'Changes the name and the language',
    bodyKind: 'form',
    body: profileSchema,
    refuseQuery: true,
    handle: (request) =>
      takeFromOwner(dependencies, request, { page: paths.accountProfile, isSensitive: false }, (owner) =>
        change(dependencies, request, owner),
      ),
  }),
  defineEndpoint({
    ...ownerPage,
    method: 'POST',
    path: paths.accountEmail,
    summary: 'Mails a link to a new address, or takes the address of such a link',
    bodyKind: 'form',
    body: emailSchema,
    refuseQuery: true,
    handle: (request) =>
      takeFromOwner(dependencies, request, { page: paths.accountProfile, isSensitive: true }, (owner) =>
        request.body.token === undefined
          ? beginChange(dependencies, request, owner)
          : completeChange(dependencies, request, owner, request.body.token),
      ),
  }),
]

const pageOf = ({ canSend }: Dependencies, { flow, user, cookies }: Owner) => ({
  ...{ flow: flow.id, user, cookies, canChangeEmail: canSend },
})

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const unfit = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g

async function change(
  { store, clock, looks }: Dependencies,
  request: EndpointRequest<ProfileForm>,
  owner: Owner,
): Promise<Answer> {
  const { name = '', locale } = request.body
  const called = name.replaceAll(unfit, '').normalize('NFC').trim()
  await store.transaction(async (tables) => {
    const { id } = owner.user
    await tables.users.setProfile({ id, name: called === '' ? null : called, locale, at: clock.now() })
    await recordEvent(tables, clock, {
      ...{ type: 'profile_changed', result: 'ok', target: id },
      ...ownerAsActor(request, owner),
    })
  })
  return redirectTo(paths.accountProfile, looks.remember(locale))
}

async function beginChange(
  dependencies: Dependencies,
  request: EndpointRequest<EmailForm>,
  owner: Owner,
): Promise<Answer> {
  const { emailChanges, mailRequests, canSend } = dependencies
  const { body, headers, address, look } = request
  if (!canSend) throw new GatehouseError('not_found')
  mailRequests.take(address)
  const { email = '' } = body
  const asker = findAsker(dependencies, headers)
  try {
    const by = ownerAsActor(request, owner)
    await emailChanges.begin({ user: owner.user, email, asker, locale: look.locale, by })
  } catch (error) {
    if (!(error instanceof GatehouseError) || error.code !== 'invalid_request') throw error
    return renderProfile(look, { ...pageOf(dependencies, owner), error: look.text('sign_up.bad_email'), status: 400 })
  }
  const minutes = proofLifetimes.change_email / 60
  return renderMailSent(look, { kind: 'sign_up', email, minutes, back: paths.accountProfile })
}

async function completeChange(
  { emailChanges }: Dependencies,
  request: EndpointRequest<EmailForm>,
  owner: Owner,
  token: string,
): Promise<Answer> {
  try {
    await emailChanges.complete({ token, user: owner.user }, ownerAsActor(request, owner))
  } catch (error) {
    const isGone = error instanceof GatehouseError && (error.code === 'not_found' || error.code === 'already_exists')
    if (!isGone) throw error
    return renderLinkGone(request.look, paths.accountProfile)
  }
  return redirectTo(paths.accountProfile)
}
