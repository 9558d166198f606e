import { newPkce, TestBrowser } from '@gatehouse/auth/testing/browser'
import { createSite, findFreePort, postForm, type Site } from '../flows/running-program.ts'

/** The shipped program in development mode, as `gatehouse dev` starts it, and a browser for it. */
export interface DevelopmentSite {
  readonly site: Site
  readonly issuer: string
  newBrowser(): TestBrowser
}

/** The demo users' password. */
export const demoPassword = 'wonderland-tea-party'
/** Where the demo apps are redirected to; nothing needs to listen there. */
export const demoRedirect = 'http://127.0.0.1:39002/cb'

/** Starts it with further configuration. Nothing in it is made for the clients that are tried on it. */
export async function startDevelopmentSite(more = ''): Promise<DevelopmentSite> {
  const site = await createSite()
  const port = await findFreePort()
  const issuer = `http://localhost:${port}`
  site.configure(`issuer: ${issuer}\nlisten: 127.0.0.1:${port}\ndatabase: ./gatehouse.db\n${more}`)
  await site.start(['dev'])
  return { site, issuer, newBrowser: () => new TestBrowser(`http://127.0.0.1:${port}`, issuer) }
}

/** Tokens of the public demo app for alice, by a code. */
export async function getDemoTokens({ issuer, newBrowser }: DevelopmentSite): Promise<Record<string, unknown>> {
  const pkce = newPkce()
  const query = new URLSearchParams({
    client_id: 'demo-spa',
    redirect_uri: demoRedirect,
    response_type: 'code',
    scope: 'openid',
    code_challenge: pkce.challenge,
    code_challenge_method: 'S256',
  })
  const browser = newBrowser()
  const consent = await browser.signIn(await browser.get(`/oauth/authorize?${query}`), 'alice', demoPassword)
  const { callback } = await browser.submit(consent, { decision: 'allow' })
  const { json } = await postForm(`${issuer}/oauth/token`, {
    grant_type: 'authorization_code',
    client_id: 'demo-spa',
    code: callback.get('code') ?? '',
    redirect_uri: demoRedirect,
    code_verifier: pkce.verifier,
  })
  return json
}

/** The services of the example shop, as far as their routes go. */
export const shopServices = (port: number): string => `services:
  orders:
    upstream: http://127.0.0.1:${port}
    routes:
      - { path: /orders/**, methods: [GET], require: { scopes: [orders:read] } }
      - { path: /orders/**, methods: [POST], require: { scopes: [orders:write] } }
  inventory:
    upstream: http://127.0.0.1:${port}
    routes:
      - { path: /inventory/**, methods: [GET], require: { scopes: [inventory:read] } }
`
