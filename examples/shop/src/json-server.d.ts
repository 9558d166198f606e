import { type IncomingMessage, type Server, type ServerResponse } from 'node:http'
/** Answers with a status and a JSON value. */
export declare function sendJson(response: ServerResponse, status: number, body: unknown): void
/** The path of a request, without its query. */
export declare const pathOf: (request: IncomingMessage) => string
/** The JSON object in a request's body, or `undefined` where there is none or it is too large. */
export declare function readJsonObject(request: IncomingMessage): Promise<Record<string, unknown> | undefined>
/** Starts a server; a handler that fails is a 500. Port 0 is any free one. */
export declare function startJsonServer(
  handler: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>,
  {
    port,
    host,
  }: {
    port: number
    host: string
  },
): Promise<Server>
//# sourceMappingURL=json-server.d.ts.map
