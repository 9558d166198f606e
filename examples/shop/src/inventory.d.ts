import type { IncomingMessage, ServerResponse } from 'node:http'
/**
 * The inventory service: it trusts nobody, not even the gateway's rules, and checks token, audience and scope itself with
 * the guard. Its catalogue is for everybody.
 */
export declare function createInventory({
  issuer,
}: {
  issuer: string
}): (request: IncomingMessage, response: ServerResponse) => void | Promise<void>
//# sourceMappingURL=inventory.d.ts.map
