import * as Type from 'typebox'

/** What the schema of the file is written with. `expected` is said when a value does not fit. */

/** A length of time, such as 5m. */
export const duration = (description: string, fallback?: string) =>
  Type.String({
    pattern: '^\\d{1,9}[smhd]$',
    description,
    expected: 'a duration such as 30s, 5m, 12h or 90d',
    ...(fallback === undefined ? {} : { default: fallback }),
  })

/** Where something listens. */
export const address = (description: string, fallback?: string) =>
  Type.String({
    pattern: '^(\\[[0-9a-fA-F:.]+\\]|[\\w.-]+):\\d{1,5}$',
    description,
    expected: 'host:port, such as 0.0.0.0:8080 or [::1]:8080',
    ...(fallback === undefined ? {} : { default: fallback }),
  })

/** Unknown keys are refused. */
export const strict = { additionalProperties: false } as const
/** A text that is not empty. */
export const text = (description: string, options: object = {}) =>
  Type.String({ minLength: 1, expected: 'a text', description, ...options })
/** The path of a file or a folder: a relative one counts from the folder of the configuration file. */
export const path = (description: string, options: object = {}) => text(description, { isPath: true, ...options })
/** A list of paths. */
export const paths = (description: string, options: object = {}) =>
  Type.Array(Type.String({ minLength: 1, expected: 'a path', isPath: true }), { description, ...options })
/** A list of such texts. */
export const texts = (description: string, options: object = {}) =>
  Type.Array(Type.String({ minLength: 1, expected: 'a text' }), {
    description,
    expected: 'a list of texts',
    ...options,
  })
/** A list of scopes. */
export const scopes = (description: string, options: object = {}) =>
  Type.Array(
    Type.String({
      pattern: '^[\\x21\\x23-\\x5b\\x5d-\\x7e]+$',
      expected: 'one scope, without a space, such as orders:read',
    }),
    { description, expected: 'a list of scopes such as [orders:read, orders:write]', ...options },
  )
/** true or false. */
export const flag = (description: string, fallback: boolean) =>
  Type.Boolean({ description, default: fallback, expected: 'true or false' })
/** The one key by which somebody who is asked over the network may be in a private one. */
export const privateNetwork = Type.Optional(flag('Whether it may be at an address of a private network', false))
/** A whole number within limits. */
export const count = (description: string, limits: { minimum: number; maximum: number }, fallback?: number) =>
  Type.Integer({
    ...limits,
    description,
    expected: `a whole number from ${limits.minimum} to ${limits.maximum}`,
    ...(fallback === undefined ? {} : { default: fallback }),
  })
/** A list of addresses and ranges. */
export const addressRanges = (description: string) =>
  texts(description, { expected: 'a list of addresses or ranges such as 10.0.0.0/8' })
