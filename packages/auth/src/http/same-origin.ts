import type { IncomingHttpHeaders } from 'node:http'
import { GatehouseError } from '@gatehouse/core/errors'

/**
 * Refuses a form that another site has sent, where the browser says so. Forms carry the id of a flow that only the browser
 * which began it may go on with: that is what stops cross-site requests; this is the second lock.
 * A page without a referrer sends `Origin: null`, which then says nothing. Error: `forbidden`.
 */
export function checkSameOrigin(headers: IncomingHttpHeaders, issuer: string): void {
  const site = headers['sec-fetch-site']
  const isForeign =
    site === undefined
      ? headers.origin !== undefined && headers.origin !== 'null' && headers.origin !== issuer
      : site !== 'same-origin' && site !== 'none'
  if (isForeign) {
    throw new GatehouseError('forbidden', {
      description: 'This form was sent by another site',
      cause: new Error(`from ${headers.origin}`),
    })
  }
}
