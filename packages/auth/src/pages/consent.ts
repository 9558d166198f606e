import type { JsonObject } from '@gatehouse/core/json'
import { isDocumentAddress } from '../domain/client-documents.ts'
import type { Client } from '../domain/clients.ts'
import type { Answer } from '../http/endpoint.ts'
import { type Html, html } from './html.ts'
import type { Look } from './look.ts'
import { renderPage } from './page.ts'
import { signedInAs } from './pieces.ts'

/** The page on which one agrees, or not. */
export interface ConsentPage {
  readonly flow: string
  readonly action: string
  readonly client: Client
  /** As whom one has signed in, and in which session: the decision counts for no other. */
  readonly username: string
  readonly session: string
  /** In whose name one acts; undefined = one's own. */
  readonly organisation?: { readonly organisation_id: string; readonly name: string } | undefined
  readonly scope: string
  readonly audiences: readonly string[]
  readonly details: readonly DescribedDetail[]
  /** Where the answer goes; absent where the client comes and asks for it. */
  readonly redirectUri?: string
  /** Further facts, such as from where a device asks. */
  readonly notes?: Html
}

/** One of the authorization_details, and how its type is described. */
export interface DescribedDetail {
  readonly description: string
  readonly detail: JsonObject
}

/** What a client would get, told to the user: every scope, every audience, every detail. */
export const renderConsent = (look: Look, { client, ...page }: ConsentPage): Answer =>
  renderPage(look, {
    name: 'consent',
    title: look.text('consent.title'),
    leadsTo: page.redirectUri === undefined ? [] : [page.redirectUri],
    body: html`<p>${look.html('consent.asks_to', {
      client: html`<strong id="client-name">${client.name ?? client.id}</strong>${placesOf(client, page.redirectUri)}`,
    })}</p>
<ul id="scopes">
${page.scope
  .split(' ')
  .filter(Boolean)
  .map((scope) => html`<li data-scope="${scope}">${look.scope(scope)}</li>`)}
</ul>
<p>${look.text('consent.at')}</p>
<ul id="audiences">${page.audiences.map((audience) => html`<li>${audience}</li>`)}</ul>
${page.details.map(renderDetail)}
${page.notes}
${signedInAs(look, page.username)}
${
  page.organisation &&
  html`<p>${look.html('consent.acts_for', { organisation: html`<strong id="organisation">${page.organisation.name}</strong>` })}</p>`
}
${linksOf(look, client)}
<form method="post" action="${page.action}">
<input type="hidden" name="flow" value="${page.flow}">
<input type="hidden" name="session" value="${page.session}">
<input type="hidden" name="organisation" value="${page.organisation?.organisation_id ?? ''}">
<div class="actions">
<button id="deny" type="submit" name="decision" value="deny">${look.text('consent.deny')}</button>
<button id="allow" class="primary" type="submit" name="decision" value="allow">${look.text('consent.allow')}</button>
</div>
</form>`,
  })

/**
 * What a client that has named itself cannot make up: where its description lies, and where the answer goes.
 * Threat: a client that registers somebody else's address beside its own.
 */
function placesOf({ id }: Client, redirectUri: string | undefined): Html | undefined {
  const places = [isDocumentAddress(id) ? id : undefined, redirectUri].filter((place) => place !== undefined)
  return places.length === 0
    ? undefined
    : html` (<span id="client-host">${[...new Set(places.map(hostOf))].join(', ')}</span>)`
}

function hostOf(uri: string): string {
  const { host, protocol } = new URL(uri)
  return host === '' ? protocol.slice(0, -1) : host
}

const linksOf = (look: Look, { policyUri, tosUri }: Client): Html => html`
${policyUri !== undefined && html`<p class="hint">${look.text('consent.privacy_policy', { address: policyUri })}</p>`}
${tosUri !== undefined && html`<p class="hint">${look.text('consent.terms', { address: tosUri })}</p>`}`

const renderDetail = ({ description, detail }: DescribedDetail): Html => html`<section class="detail">
<p>${description}</p>
<dl>${Object.entries(detail)
  .filter(([name]) => name !== 'type')
  .map(
    ([name, value]) => html`<dt>${name}</dt><dd>${typeof value === 'string' ? value : JSON.stringify(value)}</dd>`,
  )}</dl>
</section>`
