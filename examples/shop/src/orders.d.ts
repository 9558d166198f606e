import type { IncomingMessage, ServerResponse } from 'node:http'
/**
 * The orders service: it leaves scopes and roles to the gateway's rules and takes from it who is calling. It believes the
 * X-Gatehouse-* headers only because the signed identity beside them says the same.
 */
export declare function createOrders({
  issuer,
}: {
  issuer: string
}): (request: IncomingMessage, response: ServerResponse) => Promise<void>
//# sourceMappingURL=orders.d.ts.map
