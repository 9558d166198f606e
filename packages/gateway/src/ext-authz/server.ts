import { Server, ServerCredentials, type ServerUnaryCall, status } from '@grpc/grpc-js'
import type { Gateway } from '../gateway.ts'
import { askGateway } from './ask.ts'
import { decodeQuestion, type EnvoyAnswer, type EnvoyQuestion, encodeAnswer } from './messages.ts'

/** A listener that Envoys ask. */
export interface ExtAuthzServer {
  /** Listens; answers with the port. */
  listen(address: { readonly host: string; readonly port: number }): Promise<number>
  /** Lets questions under way be answered, for at most a second. */
  close(): Promise<void>
}

/** Greatest question, in bytes: headers of 64 KiB twice over. A body is not looked at. */
const questionLimit = 262_144
const closeMilliseconds = 1000

const methods = {
  check: {
    path: '/envoy.service.auth.v3.Authorization/Check',
    requestStream: false,
    responseStream: false,
    requestSerialize: (bytes: Buffer) => bytes,
    requestDeserialize: decodeQuestion,
    responseSerialize: encodeAnswer,
    responseDeserialize: (bytes: Buffer) => bytes,
  },
} as const

/**
 * Envoy's external authorization over gRPC, without TLS: for loopback or a network of one's own. Anything but an answer is an
 * error of the call, for which Envoy refuses unless `failure_mode_allow` says otherwise.
 */
export function createExtAuthzServer(gateway: Pick<Gateway, 'check'>): ExtAuthzServer {
  const server = new Server({ 'grpc.max_receive_message_length': questionLimit, 'grpc.max_concurrent_streams': 1000 })
  server.addService(methods, {
    check(
      call: ServerUnaryCall<EnvoyQuestion, EnvoyAnswer>,
      callback: (error: { readonly code: status } | null, answer?: EnvoyAnswer) => void,
    ) {
      askGateway(gateway, call.request, addressOf(call.getPeer())).then(
        (answer) => callback(null, answer),
        () => callback({ code: status.INTERNAL }),
      )
    },
  })
  return {
    listen: ({ host, port }) =>
      new Promise((resolve, reject) => {
        const address = `${host.includes(':') ? `[${host}]` : host}:${port}`
        server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) =>
          error ? reject(error) : resolve(bound),
        )
      }),
    close: () =>
      new Promise((resolve) => {
        const late = setTimeout(() => server.forceShutdown(), closeMilliseconds)
        server.tryShutdown(() => {
          clearTimeout(late)
          resolve()
        })
      }),
  }
}

/** A peer without its port. */
const addressOf = (peer: string): string => peer.slice(0, peer.lastIndexOf(':')).replace(/^\[|\]$/g, '')
