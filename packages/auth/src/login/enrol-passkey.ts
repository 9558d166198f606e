import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import type { UserRow } from '@gatehouse/store/rows'
import * as Type from 'typebox'
import { ownerPage } from '../account/owner.ts'
import type { AddedFactor } from '../domain/add-factor.ts'
import { answerLength, parseAttestation } from '../domain/passkey-answers.ts'
import type { MadePasskey, Passkeys } from '../domain/passkeys.ts'
import { amrOf } from '../domain/second-factors.ts'
import type { Actor } from '../domain/users.ts'
import type { Flow } from '../flow/flows.ts'
import { type Answer, defineEndpoint, type Endpoint } from '../http/endpoint.ts'
import { parseForm } from '../http/read-body.ts'
import { checkSameOrigin } from '../http/same-origin.ts'
import type { Look } from '../pages/look.ts'
import { renderNewPasskey } from '../pages/passkeys.ts'
import { completeEnrolment, type EnrolDependencies, getWithoutFactor, holdHalf } from './enrol-factor.ts'
import { targetsOf } from './second-factor.ts'

export interface NewPasskeyDependencies {
  readonly passkeys: Passkeys
}

/** What a form that brings a new passkey has. */
export const newPasskeySchema = Type.Object({
  flow: Type.String(),
  name: Type.Optional(Type.String({ maxLength: 60 })),
  answer: Type.String({ maxLength: answerLength, description: 'The attestation as JSON' }),
})

/** For whom a page makes a passkey. */
export interface NewPasskeyPlace extends Pick<MadePasskey, 'hold'> {
  readonly flow: Flow
  readonly user: UserRow
  readonly action: string
  readonly isRequired: boolean
  readonly leadsTo: readonly string[]
}

/** The page on which somebody makes a passkey: with a challenge of its own, each time that it is shown. */
export async function showNewPasskey(
  { passkeys }: NewPasskeyDependencies,
  look: Look,
  { user, flow, ...page }: NewPasskeyPlace & { readonly isWrong?: boolean },
): Promise<Answer> {
  const other = page.isRequired
    ? { address: `${paths.loginEnrol}?flow=${flow.id}`, text: look.text('passkey.app_instead') }
    : { address: paths.accountSecurity, text: look.text('frame.back') }
  const options = await passkeys.beginRegistration(user, flow.id)
  const error = page.isWrong ? look.text('passkey.not_added') : undefined
  return renderNewPasskey(look, { ...page, flow: flow.id, options, other, error })
}

/** Adds the passkey of such a form; undefined where it proves nothing, so that one can try again. */
export async function addPasskey(
  { passkeys }: NewPasskeyDependencies,
  { user, flow, hold }: Pick<NewPasskeyPlace, 'user' | 'flow' | 'hold'>,
  { answer, name = '' }: Type.Static<typeof newPasskeySchema>,
  by: Actor,
): Promise<AddedFactor | undefined> {
  const attestation = parseAttestation(answer)
  if (!attestation) return undefined
  return passkeys.register({ user, flow: flow.id, attestation, name, hold }, by).catch((error: unknown) => {
    if (error instanceof GatehouseError && error.code === 'invalid_request') return undefined
    throw error
  })
}

/** The page on which people make a passkey who cannot sign in without a second factor. */
export function enrolPasskeyEndpoints(dependencies: EnrolDependencies & NewPasskeyDependencies): readonly Endpoint[] {
  const described = { ...ownerPage, path: paths.loginEnrolPasskey }
  const placeFor = (flow: Flow, user: UserRow): NewPasskeyPlace => ({
    ...{ flow, user, action: paths.loginEnrolPasskey, isRequired: true },
    leadsTo: targetsOf(dependencies, flow),
    hold: (tables) => holdHalf(dependencies, tables, { flow, user }),
  })
  return [
    defineEndpoint({
      ...described,
      method: 'GET',
      summary: 'The page on which people make the passkey that they need',
      bodyKind: 'none',
      async handle(http) {
        const flow = await dependencies.flows.get(http, parseForm(http.query).flow)
        const user = await getWithoutFactor(dependencies, http.headers, flow)
        return showNewPasskey(dependencies, http.look, placeFor(flow, user))
      },
    }),
    defineEndpoint({
      ...described,
      method: 'POST',
      summary: 'Takes the passkey that was made',
      spec: 'WebAuthn Level 3 section 7.1',
      bodyKind: 'form',
      body: newPasskeySchema,
      refuseQuery: true,
      async handle(http) {
        const { body, headers, address, requestId, look } = http
        checkSameOrigin(headers, dependencies.issuer)
        const flow = await dependencies.flows.get(http, body.flow)
        const user = await getWithoutFactor(dependencies, headers, flow)
        const place = placeFor(flow, user)
        const by = { actor: user.id, address, request_id: requestId }
        const added = await addPasskey(dependencies, place, body, by)
        if (!added) return showNewPasskey(dependencies, look, { ...place, isWrong: true })
        // Made just now, by an authenticator that has checked who holds it.
        return completeEnrolment(dependencies, http, { flow, user, added, amr: [amrOf.passkey, 'user', 'mfa'] })
      },
    }),
  ]
}
