import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import type { Store, Tables } from '@gatehouse/store/store'
import * as Type from 'typebox'
import type { OutsideIdentity } from '../federation/provider.ts'
import { ProviderFailure } from '../federation/provider-failure.ts'
import type { ProviderSettings } from '../federation/provider-settings.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { parseForm } from '../http/read-body.ts'
import { failureTexts } from '../login/provider-failure-texts.ts'
import { getProvider, type SendingDependencies, sendToProvider } from '../login/send-to-provider.ts'
import type { MessageKey } from '../messages/catalogue.ts'
import { renderLinked } from '../pages/linked.ts'
import type { Look } from '../pages/look.ts'
import { redirectTo } from '../pages/page.ts'
import { hasAnotherWay, type WaysInDependencies } from './another-way.ts'
import {
  holdOwner,
  type Owner,
  type OwnerDependencies,
  ownerAsActor,
  ownerPage,
  showToOwner,
  takeFromOwner,
  takeLinkOfOwner,
} from './owner.ts'

export interface LinkedDependencies extends OwnerDependencies, SendingDependencies, WaysInDependencies {
  readonly store: Store
}

const formSchema = Type.Object({
  flow: Type.String(),
  provider: Type.String({ maxLength: 63 }),
  subject: Type.String({ maxLength: 255 }),
})

/** Where people see which accounts elsewhere sign them in here, link others, and unlink them. */
export function accountLinkedEndpoints(dependencies: LinkedDependencies): readonly Endpoint[] {
  const sensitive = { page: paths.accountLinked, isSensitive: true }
  return [
    defineEndpoint({
      ...ownerPage,
      method: 'GET',
      path: paths.accountLinked,
      summary: 'The page on which people see the accounts elsewhere that sign them in',
      bodyKind: 'none',
      handle: (request) =>
        showToOwner(dependencies, request, paths.accountLinked, (owner) => show(dependencies, request.look, owner)),
    }),
    defineEndpoint({
      ...ownerPage,
      method: 'GET',
      path: paths.accountLink,
      summary: 'Sends the browser to an outside provider, to link what it has there',
      bodyKind: 'none',
      handle: (request) => begin(dependencies, request),
    }),
    defineEndpoint({
      ...ownerPage,
      method: 'POST',
      path: paths.accountUnlink,
      summary: 'Takes back that an account elsewhere signs somebody in here',
      bodyKind: 'form',
      body: formSchema,
      refuseQuery: true,
      handle: (request) =>
        takeFromOwner(dependencies, request, sensitive, (owner) => unlink(dependencies, request, owner)),
    }),
  ]
}

/** What is told on the page when something has not worked. */
interface Told {
  readonly error?: MessageKey
  /** Which provider it is about. */
  readonly about?: string
  readonly status?: number
}

async function show(
  { store, federation }: LinkedDependencies,
  look: Look,
  { user, flow, cookies }: Pick<Owner, 'user' | 'flow' | 'cookies'>,
  { error, about = '', ...told }: Told = {},
): Promise<Answer> {
  const identities = await store.linkedIdentities.listByUser(user.id)
  return renderLinked(look, {
    flow: flow.id,
    identities: identities.map((identity) => ({
      ...identity,
      title: federation.providers.find(identity.provider)?.title ?? identity.provider,
    })),
    providers: federation.providers.list().filter(({ doors }) => doors.redirect),
    cookies,
    ...told,
    error: error && look.text(error, { provider: about }),
  })
}

/** The page's links name its flow, which no other site knows: whoever follows one has seen the page. */
async function begin(dependencies: LinkedDependencies, request: EndpointRequest<unknown>): Promise<Answer> {
  const { provider = '', flow } = parseForm(request.query)
  const settings = getProvider(dependencies, provider)
  return takeLinkOfOwner(dependencies, request, { page: paths.accountLinked, flow }, async (owner) => {
    const errand = { kind: 'link', flow: owner.flow.id, session: owner.session.id } as const
    const sent = await sendToProvider(dependencies, request, settings, { flow: owner.flow, errand })
    return sent instanceof ProviderFailure ? show(dependencies, request.look, owner, failureOf(settings, sent)) : sent
  })
}

const failureOf = ({ title: about }: ProviderSettings, { reason }: ProviderFailure): Told => {
  return { error: failureTexts[reason].key, about, status: reason === 'unavailable' ? 503 : 400 }
}

/** What has come of being sent to a provider to link something. */
export interface ComeBackToLink {
  readonly settings: ProviderSettings
  /** The session that it was begun in. */
  readonly session: string
  readonly flow: string
  readonly outcome: OutsideIdentity | ProviderFailure
}

/**
 * Links what somebody has at a provider to the account that they were signed in to when they went there, if they still are,
 * in that very session. Threat: an identity of somebody else's that is slipped into one's account by a prepared callback.
 */
export async function finishLinking(
  dependencies: LinkedDependencies,
  request: EndpointRequest<unknown>,
  { settings, session, flow, outcome }: ComeBackToLink,
): Promise<Answer> {
  return takeLinkOfOwner(dependencies, request, { page: paths.accountLinked, flow }, async (owner) => {
    // What came back from the provider is not for the page, and must not be brought again by what leads back to it.
    const look = { ...request.look, here: paths.accountLinked }
    if (owner.session.id !== session) throw new GatehouseError('forbidden')
    if (outcome instanceof ProviderFailure) return show(dependencies, look, owner, failureOf(settings, outcome))
    const holding = {
      user: owner.user.id,
      holding: (tables: Parameters<typeof holdOwner>[0]) => holdOwner(tables, owner),
    }
    try {
      await dependencies.federation.people.link(settings, outcome, holding, ownerAsActor(request, owner))
    } catch (error) {
      const code = error instanceof GatehouseError ? error.code : undefined
      if (code !== 'already_exists' && code !== 'invalid_request') throw error
      const why = code === 'already_exists' ? 'linked.taken' : 'linked.too_many'
      return show(dependencies, look, owner, { error: why, about: settings.title, status: 400 })
    }
    return redirectTo(paths.accountLinked)
  })
}

async function unlink(
  dependencies: LinkedDependencies,
  request: EndpointRequest<Type.Static<typeof formSchema>>,
  owner: Owner,
): Promise<Answer> {
  const { federation } = dependencies
  const { provider, subject } = request.body
  const by = ownerAsActor(request, owner)
  let isHeld = false
  const told = {
    title: federation.providers.find(provider)?.title ?? provider,
    async holding(tables: Tables) {
      await holdOwner(tables, owner)
      isHeld = true
      return hasAnotherWay(dependencies, tables, owner.user, { provider, subject })
    },
  }
  const key = { provider, subject, user_id: owner.user.id }
  try {
    const isDone = await federation.people.unlink(key, told, by)
    if (!isDone) return await show(dependencies, request.look, owner, { error: 'account.last_way', status: 400 })
  } catch (error) {
    if (!isHeld || !(error instanceof GatehouseError) || error.code !== 'forbidden') throw error
    return show(dependencies, request.look, owner, { error: 'organisations.last_one', status: error.status })
  }
  // What rests on it goes too, but for the session in which that was asked for where it rests on something else.
  await federation.sessions.end({ provider, subject }, by)
  return redirectTo(paths.accountLinked)
}
