import type { IncomingHttpHeaders } from 'node:http'
import type { UserId } from '@gatehouse/core/brand'
import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import { isOfSameOrigin } from '@gatehouse/core/same-origin'
import type { Clock } from '@gatehouse/core/time'
import { keptFormParameter } from '@gatehouse/core/wire-names'
import { buildChallenge } from '@gatehouse/guard/challenge'
import type { Store } from '@gatehouse/store/store'
import * as Type from 'typebox'
import type { ConfiguredApp } from '../domain/configured-app.ts'
import type { Revocations } from '../domain/revocations.ts'
import { endSession } from '../domain/sessions.ts'
import type { Cookies } from '../http/cookies.ts'
import { type Answer, defineEndpoint, type Endpoint, type EndpointRequest } from '../http/endpoint.ts'
import { parseForm } from '../http/read-body.ts'
import { renderErrorPage } from '../pages/error-page.ts'
import { renderKeptForm, renderNoKeptForm } from '../pages/kept-form-page.ts'
import { redirectTo } from '../pages/page.ts'
import type { AppSessions } from './app-sessions.ts'
import type { AppSignIns } from './app-sign-ins.ts'
import { describeForm } from './describe-form.ts'

/** What the endpoints of apps need. */
export interface AppEndpointDependencies {
  readonly store: Store
  readonly clock: Clock
  readonly revocations: Revocations
  readonly cookies: Cookies
  readonly appSessions: AppSessions
  readonly appSignIns: AppSignIns
  readonly findApp: (host: string) => ConfiguredApp | undefined
  readonly issuer: string
}

const sessionSchema = Type.Object({
  sub: Type.String({ description: 'The user’s id' }),
  scope: Type.String(),
  roles: Type.Array(Type.String()),
  org: Type.Optional(Type.String({ description: 'The organisation that the user acts for' })),
  acr: Type.Optional(Type.String({ description: 'The class of the sign-in' })),
  auth_time: Type.Optional(Type.Integer({ description: 'When the user signed in, in seconds since 1970' })),
})

/** What a browser app's own host answers about its session, beside the app: sign in, come back, who am I, sign out. */
export function appEndpoints(dependencies: AppEndpointDependencies): readonly Endpoint[] {
  const { cookies, appSessions, appSignIns, issuer } = dependencies
  const getApp = (headers: IncomingHttpHeaders): ConfiguredApp => {
    const app = dependencies.findApp(hostOf(issuer, headers))
    if (!app) throw new GatehouseError('not_found')
    return app
  }
  const errors = ['invalid_request', 'not_found', 'forbidden', 'too_many_requests', 'temporarily_unavailable'] as const
  return [
    defineEndpoint({
      method: 'GET',
      path: paths.appSignIn,
      summary: 'On the host of a browser app: signs in, and leads to the path in `to`',
      query: Type.Object({ to: Type.Optional(Type.String({ description: 'A path of this host; left out: /' })) }),
      bodyKind: 'none',
      answers: { 303: null },
      errors,
      errorPage: renderErrorPage,
      async handle(request) {
        const { host } = getApp(request.headers)
        const returnTo = ownPath(parseForm(request.query).to)
        const { headers, address } = request
        const detour = await appSignIns.begin({ headers }, { host, returnTo, address, keepForm: false })
        return redirectTo(detour.location, detour.cookies)
      },
    }),
    defineEndpoint({
      method: 'GET',
      path: paths.appCallback,
      summary: 'On the host of a browser app: where people come back to who have signed in',
      spec: 'RFC 6749 section 4.1.2',
      bodyKind: 'none',
      answers: { 200: null, 303: null },
      errors,
      errorPage: renderErrorPage,
      async handle(request) {
        const app = getApp(request.headers)
        const by = { address: request.address, request_id: request.requestId }
        const { grant, returnTo, form } = await appSignIns.finish(app, parseForm(request.query), request.headers, by)
        const cookie = appSessions.buildCookie(app.host, grant)
        if (form === undefined) return redirectTo(app.origin + returnTo, [cookie])
        const id = form === 'of somebody else' ? '' : `?id=${form}`
        return redirectTo(`${app.origin}${paths.appForm}${id}`, [cookie])
      },
    }),
    defineEndpoint({
      method: 'GET',
      path: paths.appForm,
      summary: 'On the host of a browser app: a form that was sent without a session, to be sent again',
      query: Type.Object({ id: Type.Optional(Type.String({ description: 'Which one' })) }),
      bodyKind: 'none',
      answers: { 200: null },
      errors,
      errorPage: renderErrorPage,
      handle: (request) => showForm(getApp(request.headers), request),
    }),
    defineEndpoint({
      method: 'GET',
      path: paths.appSession,
      summary: 'On the host of a browser app: who is signed in',
      bodyKind: 'none',
      answers: { 200: sessionSchema },
      errors: ['credentials_required', 'not_found', 'temporarily_unavailable'],
      async handle({ headers }) {
        const token = await appSessions.find(getApp(headers).host, headers.cookie)
        if (!token) {
          throw new GatehouseError('credentials_required', {
            headers: { 'www-authenticate': buildChallenge('gatehouse') },
          })
        }
        const { sub, scope, org, acr, auth_time, roles = [] } = token.claims
        return { status: 200, json: { sub, scope, roles, org, acr, auth_time } }
      },
    }),
    defineEndpoint({
      method: 'POST',
      path: paths.appLogout,
      summary: 'On the host of a browser app: signs out, there and everywhere else',
      bodyKind: 'none',
      answers: { 204: null, 303: null },
      errors,
      handle: (request) => signOut(dependencies, getApp(request.headers), request),
    }),
  ].map((endpoint) => ({ ...endpoint, cacheControl: 'no-store' }))

  /** To the person alone who has signed in for it, in the browser that has sent it. */
  async function showForm(app: ConfiguredApp, { headers, query, look }: EndpointRequest<undefined>): Promise<Answer> {
    const { id } = parseForm(query)
    const form = id === undefined ? undefined : await appSignIns.findForm({ headers }, { host: app.host, id })
    const token = form && (await appSessions.find(app.host, headers.cookie))
    const user = token && (await dependencies.store.users.findById(token.claims.sub as UserId)) // an app's sessions are users'
    if (!form || !user || form.sender !== user.id) return renderNoKeptForm(look)
    const { target, type, body, asks } = form
    const mark = target.indexOf('?')
    return renderKeptForm(look, {
      action: `${target}${mark === -1 ? '?' : '&'}${keptFormParameter}=${id}`,
      path: mark === -1 ? target : target.slice(0, mark),
      fields: describeForm(type, body),
      username: user.username,
      asks,
    })
  }

  async function signOut(
    { store, clock, revocations }: AppEndpointDependencies,
    app: ConfiguredApp,
    { headers, address, requestId }: EndpointRequest<undefined>,
  ): Promise<Answer> {
    if (!isOfSameOrigin(headers, app.origin)) {
      throw new GatehouseError('forbidden', { description: 'Only pages of this host may sign people out' })
    }
    const grant = await appSessions.findGrant(app.host, headers.cookie)
    if (grant) {
      const by = { actor: grant.user_id, address, request_id: requestId }
      const ended = await store.transaction((tables) =>
        endSession({ tables, clock, revocations }, grant.session_id, by),
      )
      await revocations.announce(ended)
    }
    const cookie = cookies.clearApp()
    // A script that asks wants no page in answer.
    return headers['sec-fetch-mode'] === 'navigate' || headers.accept?.includes('text/html')
      ? redirectTo(app.origin + app.signedOut, [cookie])
      : { status: 204, headers: { 'set-cookie': [cookie] } }
  }
}

/** The host that was asked for, as apps are named. The header has been checked before anything is routed. */
function hostOf(issuer: string, headers: IncomingHttpHeaders): string {
  const url = `${issuer.slice(0, issuer.indexOf(':'))}://${headers.host ?? ''}`
  return URL.canParse(url) ? new URL(url).host : ''
}

/**
 * A path of the same host, and nothing that a browser could take for another one: not even alone in a link, where
 * `/.//other.example` would have become `//other.example`.
 */
function ownPath(to: string | undefined): string {
  const base = 'http://host.invalid'
  if (!to?.startsWith('/') || !URL.canParse(to, base)) return '/'
  const url = new URL(to, base)
  return url.origin === base && !url.pathname.startsWith('//') ? url.pathname + url.search : '/'
}
