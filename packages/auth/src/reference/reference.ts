import { paths } from '@gatehouse/core/paths'
import * as Type from 'typebox'
import { type Answer, defineEndpoint, type Endpoint } from '../http/endpoint.ts'
import { type Html, html } from '../pages/html.ts'
import type { Look } from '../pages/look.ts'
import { renderPage } from '../pages/page.ts'
import { buildOpenApi, type DescribedEndpoint, membersOf } from './openapi.ts'

interface Dependencies {
  readonly issuer: string
  readonly version: string
  /** What is served beside the mount. */
  readonly others: readonly DescribedEndpoint[]
}

/** The list of endpoints with those that describe it: /openapi.json and /docs. The first is made when it is first asked for. */
export function withReference(
  endpoints: readonly Endpoint[],
  { issuer, version, others }: Dependencies,
): readonly Endpoint[] {
  let document: string | undefined
  const openapi = defineEndpoint({
    method: 'GET',
    path: paths.openapi,
    summary: 'Describes every endpoint',
    spec: 'OpenAPI 3.1',
    bodyKind: 'none',
    answers: { 200: Type.Object({}) },
    errors: [],
    cors: 'any',
    cacheControl: 'public, max-age=300',
    handle() {
      document ??= JSON.stringify(buildOpenApi({ issuer, version, endpoints: [...all, ...others] }))
      return { status: 200, text: document }
    },
  })
  const docs = defineEndpoint({
    method: 'GET',
    path: paths.docs,
    summary: 'The same as a page',
    bodyKind: 'none',
    answers: { 200: null },
    errors: [],
    handle: ({ look }) => renderReference(look, [...all, ...others]),
  })
  const all: readonly Endpoint[] = [...endpoints, openapi, docs]
  return all
}

const renderReference = (look: Look, endpoints: readonly DescribedEndpoint[]): Answer =>
  renderPage(look, {
    name: 'reference',
    title: 'Gatehouse API',
    body: html`<p>Machine-readable: <a href="${paths.openapi}">${paths.openapi}</a></p>
<ul>${endpoints.map(({ method, path }) => html`<li><a href="#${anchor(method, path)}">${method} ${path}</a></li>`)}</ul>
${endpoints.map(renderEndpoint)}`,
  })

const anchor = (method: string, path: string): string => `${method}${path}`.replaceAll(/[^A-Za-z]+/g, '-')

function renderEndpoint({
  method,
  path,
  summary,
  spec,
  bodyKind,
  body,
  query,
  answers,
  errors,
}: DescribedEndpoint): Html {
  const fields = membersOf(body ?? query).map(
    ({ name, description, required }) => html`<dt>${name}${required && ' (required)'}</dt><dd>${description}</dd>`,
  )
  return html`<section id="${anchor(method, path)}">
<h2>${method} ${path}</h2>
<p>${summary}.${spec !== undefined && ` ${spec}.`}</p>
${bodyKind !== 'none' && html`<p>Body: ${bodyKind}</p>`}
<dl>${fields}</dl>
<p>Answers: ${Object.keys(answers).join(', ')}.${errors.length > 0 && ` Errors: ${errors.join(', ')}.`}</p>
</section>
`
}
