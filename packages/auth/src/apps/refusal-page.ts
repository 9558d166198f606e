import type { IncomingMessage } from 'node:http'
import type { BrowserApps } from '@gatehouse/core/contracts'
import { GatehouseError } from '@gatehouse/core/errors'
import { renderErrorPage } from '../pages/error-page.ts'
import type { Looks } from '../pages/look.ts'

/** What people are shown whom the gateway refuses a page of an app: in the installation's own look and their language. */
export const createRefusalPages =
  (looks: Pick<Looks, 'of'>): BrowserApps<IncomingMessage>['showRefusal'] =>
  (request, { code, id, form }) => {
    const {
      text = '',
      type = 'text/html',
      headers = {},
    } = renderErrorPage(new GatehouseError(code), id, looks.of(request), form)
    const pairs = Object.entries(headers).flatMap(([name, value]) => [value].flat().flatMap((one) => [name, one]))
    return { text: String(text), headers: ['content-type', type, ...pairs] }
  }
