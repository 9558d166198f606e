import type { DescribedEndpoint } from '@gatehouse/auth/reference/openapi'
import { paths } from '@gatehouse/core/paths'
import * as Type from 'typebox'

const plain = { method: 'GET', bodyKind: 'none', bodyOptional: false, errors: [] } as const
const status = Type.Object({ status: Type.String() })

/** What the program serves beside the endpoints of the authentication service, described like them. */
export const servedBeside: readonly DescribedEndpoint[] = [
  { ...plain, path: paths.live, summary: 'Says that the process runs', answers: { 200: status } },
  {
    ...plain,
    path: paths.ready,
    summary:
      'Says whether it can do its work: the database answers and is not damaged, and it is not stopping; where writes fail, that too',
    answers: {
      200: Type.Object({
        status: Type.String(),
        writes: Type.Optional(Type.Literal('failing')),
        reason: Type.Optional(Type.String()),
      }),
      503: Type.Object({ status: Type.String(), reason: Type.String() }),
    },
  },
  {
    ...plain,
    path: paths.metrics,
    summary: 'Prometheus metrics, for this machine and who is allowed',
    answers: { 200: null },
  },
  {
    ...plain,
    path: paths.gatewayCheck,
    summary: 'Tells a trusted proxy whether to forward a request, and what to tell the service of its caller',
    query: Type.Object({
      for: Type.Optional(
        Type.Literal('nginx', { description: 'Refusals as 401 and 403 alone, as auth_request wants it' }),
      ),
    }),
    errors: [
      'invalid_request',
      'credentials_required',
      'invalid_token',
      'insufficient_scope',
      'forbidden',
      'not_found',
    ],
    answers: { 200: null, 303: null },
  },
  {
    ...plain,
    path: `${paths.protectedResource}/{service}`,
    summary: 'Tells clients which authorization server a service trusts',
    spec: 'RFC 9728 section 3',
    answers: { 200: Type.Object({ resource: Type.String() }) },
  },
]
