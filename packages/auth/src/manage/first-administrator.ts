import { createHash } from 'node:crypto'
import { GatehouseError } from '@gatehouse/core/errors'
import { paths } from '@gatehouse/core/paths'
import { randomToken } from '@gatehouse/core/random'
import { type Clock, seconds } from '@gatehouse/core/time'
import type { Store } from '@gatehouse/store/store'
import * as Type from 'typebox'
import { recordEvent } from '../domain/audit.ts'
import type { Passwords } from '../domain/passwords.ts'
import { administratorRole, buildUser } from '../domain/users.ts'
import { defineEndpoint, type Endpoint } from '../http/endpoint.ts'

/** Seconds for which a setup token can be used: one day. The next start prints a new one. */
const setupTokenLifetime = 86_400

const hashOf = (token: string): string => createHash('sha256').update(token).digest('base64url')

/**
 * A one-time token for creating the first administrator, or `undefined` once there is one. It is printed at the start and
 * kept only as a hash: there is no default password anywhere.
 */
export async function issueSetupToken({
  store,
  clock,
}: {
  readonly store: Store
  readonly clock: Clock
}): Promise<string | undefined> {
  if (await store.users.anyWithRole(administratorRole)) return undefined
  const token = randomToken(32)
  await store.setupTokens.insert({ hash: hashOf(token), expires_at: seconds(clock.now() + setupTokenLifetime) })
  return token
}

interface Dependencies {
  readonly store: Store
  readonly clock: Clock
  readonly passwords: Passwords
  readonly minimumPasswordLength: () => number
}

const bodySchema = Type.Object({
  setup_token: Type.String({ description: 'As printed at the first start' }),
  username: Type.String(),
  password: Type.String(),
})

/** POST /admin/api/v1/first-administrator: spends the setup token on one administrator. */
export function firstAdministratorEndpoint({ store, clock, passwords, minimumPasswordLength }: Dependencies): Endpoint {
  return defineEndpoint({
    method: 'POST',
    path: paths.firstAdministrator,
    summary: 'Creates the first administrator with the one-time token that the first start prints',
    bodyKind: 'json',
    body: bodySchema,
    answers: { 201: Type.Object({ id: Type.String(), username: Type.String() }) },
    errors: ['invalid_request', 'forbidden', 'weak_password', 'already_exists', 'temporarily_unavailable'],
    async handle({ body, address, requestId }) {
      const hash = hashOf(body.setup_token)
      // A stranger without the token must not get a hash computed.
      if (!(await store.setupTokens.isUsable(hash, clock.now()))) throw spent()
      const user = await buildUser(
        { clock, passwords },
        {
          username: body.username,
          password: body.password,
          scopes: [],
          roles: [administratorRole],
          minimumPasswordLength: minimumPasswordLength(),
        },
      )
      await store.transaction(async (tables) => {
        if (!(await tables.setupTokens.consume(hash, clock.now()))) throw spent()
        if (await tables.users.anyWithRole(administratorRole)) throw spent()
        await tables.users.insert(user)
        await recordEvent(tables, clock, {
          type: 'first_administrator_created',
          result: 'ok',
          target: user.id,
          address,
          request_id: requestId,
        })
      })
      return { status: 201, json: { id: user.id, username: user.username } }
    },
  })
}

const spent = (): GatehouseError =>
  new GatehouseError('forbidden', { description: 'The setup token is unknown, spent or expired' })
