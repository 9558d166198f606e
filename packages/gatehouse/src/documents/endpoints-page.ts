import { createAuth } from '@gatehouse/auth/auth'
import { signInMethods } from '@gatehouse/auth/domain/sign-in-methods'
import { defaultBrand } from '@gatehouse/auth/pages/brand'
import { type DescribedEndpoint, membersOf } from '@gatehouse/auth/reference/openapi'
import { withReference } from '@gatehouse/auth/reference/reference'
import { errorCatalogue } from '@gatehouse/core/errors'
import { ManualClock, seconds } from '@gatehouse/core/time'
import { openStore } from '@gatehouse/store/store'
import { servedBeside } from '../served-beside.ts'

/** The endpoints of a service that is built on an empty store: the list that is really served. */
async function buildEndpoints(): Promise<readonly DescribedEndpoint[]> {
  const clock = new ManualClock()
  const store = await openStore({ url: ':memory:', clock })
  await store.migrate()
  const day = seconds(86_400)
  const { endpoints } = await createAuth({
    issuer: 'https://auth.example.com',
    store,
    clock,
    masterKey: { key: Buffer.alloc(32) },
    settings: {
      audience: 'https://auth.example.com',
      clients: [],
      services: [],
      apps: [],
      lifetimes: { accessToken: seconds(300), absolute: day, idle: day, replayWindow: seconds(30) },
      minimumPasswordLength: 15,
      requireClientToValidate: false,
      rotateKeysEvery: day,
      routeScopes: [],
      requireDpopNonce: true,
      requirePushedRequests: false,
      sessionLimits: { browserIdle: day, secondFactor: day, factorIdle: day, perUser: 1 },
      secondFactor: { requiredForRoles: [], rememberFor: day },
      roleScopes: new Map(),
      organisations: undefined,
      authorizationDetails: {},
      trustedIssuers: [],
      providers: [],
      signUp: { mode: 'open', domains: [], scopes: [], roles: [], terms: undefined },
      signInMethods: new Set(signInMethods),
      brand: defaultBrand,
      registration: {
        mode: 'open',
        documents: true,
        scopes: [],
        audiences: [],
        grantTypes: [],
        limit: 1,
        unusedFor: seconds(86_400),
        perMinute: 1,
        loopbackRedirects: false,
      },
    },
    loginApi: true,
    allowLoopbackRequests: false,
    hashing: { atATime: 1, mayWait: 1 },
    hint: async () => {},
    mail: { smtp: undefined, webhook: undefined, inbox: true, most: 1, perRecipient: 1 },
    counters: {
      onSignIn: () => {},
      onIssued: () => {},
      onValidated: () => {},
      onMail: () => {},
      onBreachedLookupFailure: () => {},
    },
  })
  await store.close()
  const described = withReference(endpoints, { issuer: 'https://auth.example.com', version: '', others: servedBeside })
  return [...described, ...servedBeside]
}

/** docs/endpoints.md: every endpoint with its fields, answers and errors. */
export async function renderEndpointsPage(): Promise<string> {
  const endpoints = await buildEndpoints()
  return `# Endpoints

Bodies are JSON or, where it says form, \`application/x-www-form-urlencoded\`; at most 64 KiB. Errors are
\`{ error, error_description, request_id }\` with the codes of [errors.md](errors.md); the log has the rest under the id.

${endpoints.map(renderEndpoint).join('\n')}`
}

function renderEndpoint({
  method,
  path,
  summary,
  spec,
  bodyKind,
  body,
  query,
  bodyOptional,
  answers,
  errors,
}: DescribedEndpoint): string {
  const fields = membersOf(body ?? query).map(
    ({ name, description, required }) =>
      `- \`${name}\` (${required ? 'required' : 'optional'})${description === '' ? '' : `: ${description}`}`,
  )
  const kind =
    bodyKind === 'none'
      ? query
        ? `\nQuery:\n\n${fields.join('\n')}\n`
        : ''
      : `\nBody: ${bodyKind}${bodyOptional ? ', may be left out' : ''}\n\n${fields.join('\n')}\n`
  const statuses = Object.keys(answers).join(', ')
  return `## ${method} ${path}

${summary}.${spec === undefined ? '' : ` Spec: ${spec}.`}
${kind}
Answers ${statuses}.${errors.length === 0 ? '' : ` Errors: ${errors.map((code) => `\`${code}\``).join(', ')}.`}
`
}

/** docs/errors.md: the catalogue. */
export const renderErrorsPage = (): string => `# Errors

\`error\` is stable and what programs should look at; \`error_description\` is a sentence for people and may change.
What the gateway answers itself, be it 401, 404 or 502, carries a \`decision_id\`, and what Gatehouse's own endpoints answer a \`request_id\`:
\`gatehouse explain\` and the log know the reason under it.

| code | status | what is said |
|---|---|---|
${Object.entries(errorCatalogue)
  .map(([code, { status, description }]) => `| \`${code}\` | ${status} | ${description} |`)
  .join('\n')}
`
