import * as Type from 'typebox'
import { address, addressRanges, strict } from './schema-words.ts'

/** What listens beside the first listener. */
export const listenersBeside = {
  metrics: Type.Optional(
    Type.Object(
      {
        allow: Type.Optional(addressRanges('Who may read /metrics beside this machine')),
        listen: Type.Optional(address('A second listener that has /metrics alone; then the first has it no more')),
      },
      strict,
    ),
  ),
  ext_authz: Type.Optional(
    Type.Object(
      {
        listen: address(
          'A listener that Envoys ask over gRPC (`envoy.service.auth.v3`), without TLS: for a network of your own. The Envoys have to be among `trusted_proxies`',
        ),
      },
      { ...strict, expected: '{ listen: 127.0.0.1:9191 }' },
    ),
  ),
}
