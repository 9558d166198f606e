import { errorCatalogue } from '@gatehouse/core/errors'
import type { Endpoint } from '../http/endpoint.ts'

/** What of an endpoint the document needs: also what is served beside the mount can be described so. */
export type DescribedEndpoint = Pick<
  Endpoint,
  'method' | 'path' | 'summary' | 'bodyKind' | 'bodyOptional' | 'answers' | 'errors'
> &
  Pick<Partial<Endpoint>, 'spec' | 'query' | 'body' | 'errorPage' | 'streams'>

interface DocumentParts {
  readonly issuer: string
  readonly version: string
  readonly endpoints: readonly DescribedEndpoint[]
}

const errorSchema = {
  type: 'object',
  required: ['error', 'error_description', 'request_id'],
  properties: {
    error: { type: 'string', description: 'A stable code' },
    error_description: { type: 'string', description: 'A sentence for people' },
    request_id: { type: 'string', description: 'Under it the log knows the rest' },
  },
}

/** The OpenAPI document of a list of endpoints. Spec: OpenAPI 3.1.1. */
export function buildOpenApi({ issuer, version, endpoints }: DocumentParts): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const endpoint of endpoints) {
    const operations = paths[endpoint.path] ?? {}
    operations[endpoint.method.toLowerCase()] = describeOperation(endpoint)
    paths[endpoint.path] = operations
  }
  return {
    openapi: '3.1.1',
    info: { title: 'Gatehouse', version, description: 'Authentication service and API gateway' },
    servers: [{ url: issuer }],
    paths,
    components: {
      schemas: { Error: errorSchema },
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' }, client: { type: 'http', scheme: 'basic' } },
    },
  }
}

function describeOperation(endpoint: DescribedEndpoint): object {
  const { method, path, summary, spec, query, bodyKind, bodyOptional, body } = endpoint
  const contentType = bodyKind === 'json' ? 'application/json' : 'application/x-www-form-urlencoded'
  return {
    operationId: operationId(method, path),
    summary,
    ...(spec === undefined ? {} : { description: `Spec: ${spec}` }),
    ...(query ? { parameters: describeQuery(query) } : {}),
    ...(bodyKind === 'none' || !body
      ? {}
      : { requestBody: { required: !bodyOptional, content: { [contentType]: { schema: plain(body) } } } }),
    responses: { ...describeAnswers(endpoint), ...describeErrors(endpoint) },
  }
}

/** A schema as it lists its members. */
interface ObjectSchema {
  readonly properties?: Readonly<Record<string, { readonly description?: string }>>
  readonly required?: readonly string[]
}

/** The members of an object's schema by their names, and whether each is needed. */
export function membersOf(
  schema: object | undefined,
): readonly { name: string; description: string; required: boolean }[] {
  const { properties = {}, required = [] } = (schema ?? {}) as ObjectSchema // read for what it may have
  return Object.entries(properties).map(([name, { description = '' }]) => ({
    name,
    description,
    required: required.includes(name),
  }))
}

const describeQuery = (query: object): readonly object[] =>
  membersOf(query).map((member) => ({ in: 'query', ...member, schema: { type: 'string' } }))

/** `POST /oauth/token` is postOauthToken. */
const operationId = (method: string, path: string): string =>
  method.toLowerCase() +
  path
    .split(/[^A-Za-z0-9]+/)
    .filter(Boolean)
    .map((word) => word[0]?.toUpperCase() + word.slice(1))
    .join('')

const descriptions: Readonly<Record<string, string>> = {
  '200': 'Done',
  '201': 'Made',
  '204': 'Done, with nothing to say',
  '303': 'Continues at another page',
}

function describeAnswers({ answers, errorPage, streams }: DescribedEndpoint): Record<string, object> {
  const described = Object.entries(answers).map(([status, schema]) => {
    const text = streams ?? (errorPage && 'text/html')
    const page = text && status === '200' ? { content: { [text]: { schema: { type: 'string' } } } } : {}
    const content = schema ? { content: { 'application/json': { schema: plain(schema) } } } : page
    return [status, { description: descriptions[status] ?? 'Answered', ...content }]
  })
  return Object.fromEntries(described)
}

/** Errors by their status, each with its codes. */
function describeErrors({ errors, errorPage }: DescribedEndpoint): Record<string, object> {
  const codes = new Map<number, string[]>()
  for (const code of errors) {
    const { status } = errorCatalogue[code]
    codes.set(status, [...(codes.get(status) ?? []), code])
  }
  const content = errorPage
    ? { 'text/html': { schema: { type: 'string' } } }
    : { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } }
  return Object.fromEntries(
    [...codes].map(([status, list]) => [String(status), { description: list.join(', '), content }]),
  )
}

/** A schema without what only the checks here know. */
const plain = (schema: object): unknown =>
  JSON.parse(JSON.stringify(schema, (name, value) => (name === 'expected' ? undefined : value)))
