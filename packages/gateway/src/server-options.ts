import type { ServerOptions } from 'node:http'

/**
 * How a node:http server must be set up in front of the gateway: headers of 16 KiB within 15 s, no limit on a whole
 * request (the gateway watches bodies by idle time and rate), Node's strict parser.
 * Stops: slow headers; uploads that are cut off only for being large.
 */
export const serverOptions = {
  maxHeaderSize: 16_384,
  headersTimeout: 15_000,
  requestTimeout: 0,
  keepAliveTimeout: 60_000,
  // All connections that have run out of time are cut in one go: seldom would be many at a time, for which everybody waits.
  connectionsCheckingInterval: 100,
  insecureHTTPParser: false,
  // checkRequest refuses a missing Host with an answer that says so; Node's own has no body.
  requireHostHeader: false,
  noDelay: true,
} as const satisfies ServerOptions
