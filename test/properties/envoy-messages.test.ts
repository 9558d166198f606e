import { decodeQuestion, encodeAnswer } from '@gatehouse/gateway/ext-authz/messages'
import { decodeAnswer, encodeQuestion } from '@gatehouse/gateway/fixtures/envoy'
import fc from 'fast-check'
import { expect, it } from 'vitest'

it('what an Envoy asks is read as it was written, and nothing else is read as anything but a question', () => {
  const text = fc.string({ unit: 'binary' })
  const headers = fc.dictionary(text, text, { noNullPrototype: true })
  fc.assert(
    fc.property(text, text, text, headers, text, (method, host, path, given, address) => {
      const source = { address: { socket_address: { address } } }
      const http = { method, host, path, scheme: 'https', headers: given, body: path }
      expect(decodeQuestion(encodeQuestion({ source, request: { http } }))).toEqual({
        ...{ method, host, target: path, scheme: 'https', source: address },
        headers: Object.entries(given).flat(),
      })
    }),
  )
  const valid = [...encodeQuestion({ request: { http: { method: 'GET', path: '/x', headers: { a: 'b' } } } })]
  const bent = fc.tuple(fc.nat(valid.length - 1), fc.nat(255)).map(([at, byte]) => valid.with(at, byte))
  const cut = fc.nat(valid.length).map((length) => valid.slice(0, length))
  fc.assert(
    fc.property(fc.oneof(bent, cut, fc.array(fc.nat(255))), (bytes) => {
      let question: unknown
      try {
        question = decodeQuestion(Uint8Array.from(bytes))
      } catch (error) {
        expect(error).toBeInstanceOf(Error)
        return
      }
      expect(question).toMatchObject({ method: expect.any(String), headers: expect.any(Array) })
    }),
    { numRuns: 2000 },
  )
})

it('what an Envoy is told is what was meant', () => {
  const pair = fc.tuple(fc.string(), fc.string())
  fc.assert(
    fc.property(fc.constantFrom(200, 303, 401, 503), fc.array(pair), fc.array(fc.string()), fc.string(), (...parts) => {
      const [status, headers, removed, body] = parts
      const answer = decodeAnswer(encodeAnswer({ status, headers, removed, body }))
      const said = answer.ok_response ?? answer.denied_response
      expect(said?.headers.map(({ header: { key = '', value = '' } }) => [key, value])).toEqual(headers)
      expect(answer.status.code).toBe(status === 200 ? 0 : 7)
      if (answer.ok_response) expect(answer.ok_response.headers_to_remove).toEqual(removed)
      else expect(answer.denied_response).toMatchObject({ status: { code: status } })
    }),
  )
})
