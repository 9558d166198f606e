import * as Type from 'typebox'
import { ldapSchema } from './providers/ldap.ts'
import { moduleSchema } from './providers/module.ts'
import { oauth2Schema } from './providers/oauth2.ts'
import { oidcSchema } from './providers/oidc.ts'
import { presetSchemas } from './providers/presets.ts'
import { samlSchema } from './providers/saml.ts'
import { webhookSchema } from './providers/webhook.ts'
import { strict } from './schema-words.ts'

/** Every kind of provider. */
const kindSchemas = [
  oidcSchema,
  oauth2Schema,
  samlSchema,
  ldapSchema,
  webhookSchema,
  moduleSchema,
  ...presetSchemas,
] as const

/** The names of all kinds. */
export const providerKinds: readonly string[] = kindSchemas.map((schema) => schema.properties.kind.const)

/** One provider: its keys are those of its kind. */
const provider = Type.Union([...kindSchemas], {
  expected: `{ kind, … } with one of the kinds ${providerKinds.join(', ')}`,
})

const byKind: ReadonlyMap<unknown, Type.TSchema> = new Map(
  kindSchemas.map((schema) => [schema.properties.kind.const, schema]),
)

/** The schema of a kind, if there is one of that name. */
export const findKindSchema = (kind: unknown): Type.TSchema | undefined => byKind.get(kind)

const namePattern = '^[a-z][a-z0-9-]{0,62}$'

/** Providers, of which no more is said than that each is of some kind. */
export const looseProviders = Type.Record(
  Type.String({ pattern: namePattern }),
  Type.Object({ kind: Type.Unsafe<string>({ enum: providerKinds }) }),
  strict,
)

/** Outside providers, by name. */
export const providers = Type.Record(Type.String({ pattern: namePattern }), provider, {
  ...strict,
  description:
    'Where people sign in that Gatehouse does not know itself, by a name of your choosing; in the order in which they are offered',
  expected: 'providers by name; a name has small letters, digits and dashes',
})

/** One of them, as it stands in a file. */
export type ProviderSection = Type.Static<typeof provider>
