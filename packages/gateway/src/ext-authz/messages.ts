import protobuf, { type Reader } from 'protobufjs/minimal.js'

/** What is read of Envoy's `CheckRequest`. Spec: envoy.service.auth.v3. */
export interface EnvoyQuestion {
  readonly method: string
  readonly host: string
  /** With its query, as it was sent. */
  readonly target: string
  readonly scheme: string
  /** Name, value, name, value; pseudo-headers included. */
  readonly headers: readonly string[]
  /** The address of Envoy's own peer; empty where it has none. */
  readonly source: string
}

/** What Envoy is told. */
export interface EnvoyAnswer {
  /** 200 lets the request through. */
  readonly status: number
  /** For the service where it is let through, for the client otherwise. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Taken away from the request before it is sent on. */
  readonly removed: readonly string[]
  readonly body: string
}

type Fields = Readonly<Record<number, (reader: Reader) => void>>

/** Reads a message: each field by its number, and leaves out those that are of no interest. */
function readFields(reader: Reader, length: number, fields: Fields): void {
  const end = reader.pos + length
  while (reader.pos < end) {
    const tag = reader.uint32()
    const read = fields[tag >>> 3]
    // Everything that is read here is a string or a message, which go with wire type 2.
    if (read && (tag & 7) === 2) read(reader)
    else reader.skipType(tag & 7)
  }
  if (reader.pos !== end) throw new RangeError('a field that ends beyond its message')
}

const message = (fields: Fields) => (reader: Reader) => readFields(reader, reader.uint32(), fields)

/**
 * Reads a `CheckRequest`. Throws for what is none. Spec: envoy/service/auth/v3/attribute_context.proto; the numbers are the
 * fields' own.
 */
export function decodeQuestion(bytes: Uint8Array): EnvoyQuestion {
  const found = { method: '', host: '', target: '', scheme: '', source: '' }
  const headers: string[] = []
  const text = (name: keyof typeof found) => (reader: Reader) => {
    found[name] = reader.string()
  }
  /** A map's entry and a HeaderValue alike: name, value, and the value as bytes where Envoy sends it so. */
  const header = (reader: Reader): void => {
    let [name, value] = ['', '']
    message({
      1: (inner) => {
        name = inner.string()
      },
      2: (inner) => {
        value = inner.string()
      },
      3: (inner) => {
        value = Buffer.from(inner.bytes()).toString('latin1')
      },
    })(reader)
    headers.push(name, value)
  }
  const http = message({
    2: text('method'),
    3: header,
    4: text('target'),
    5: text('host'),
    6: text('scheme'),
    13: message({ 1: header }),
  })
  const source = message({ 1: message({ 1: message({ 2: text('source') }) }) })
  const reader = protobuf.Reader.create(bytes)
  readFields(reader, reader.len, { 1: message({ 1: source, 4: message({ 2: http }) }) })
  return { ...found, headers }
}

/** Codes of gRPC. */
const grpcOk = 0
const permissionDenied = 7

/** Builds a `CheckResponse`. Spec: envoy/service/auth/v3/external_auth.proto. */
export function encodeAnswer({ status, headers, removed, body }: EnvoyAnswer): Buffer {
  const isAllowed = status === 200
  const writer = protobuf.Writer.create()
  writer
    .uint32(10)
    .fork()
    .uint32(8)
    .int32(isAllowed ? grpcOk : permissionDenied)
    .ldelim()
  writer.uint32(isAllowed ? 26 : 18).fork()
  if (!isAllowed) writer.uint32(10).fork().uint32(8).int32(status).ldelim()
  for (const [name, value] of headers) {
    writer.uint32(18).fork()
    writer.uint32(10).fork().uint32(10).string(name).uint32(18).string(value).ldelim()
    // `append` is there and false: in the place of what the client sent, in every version of Envoy.
    writer.uint32(18).fork().uint32(8).bool(false).ldelim()
    writer.ldelim()
  }
  if (isAllowed) for (const name of removed) writer.uint32(42).string(name)
  else writer.uint32(26).string(body)
  writer.ldelim()
  return Buffer.from(writer.finish())
}
