import fc from 'fast-check'
import { expect, it } from 'vitest'
import { EventStreamParser } from './event-stream.ts'

const text = [
  'retry: 1000\n\n',
  ': a comment\n\n',
  'id: 7\nevent: revoked\ndata: ["é"]\n\n',
  'event:current\r\ndata:one\r\ndata: two\r\n\r\n',
  'event: nothing\n\n',
  'id: 8\ndata\n\n',
].join('')

it('reads the same events wherever the stream is cut', () => {
  const bytes = Buffer.from(text)
  const property = fc.property(fc.array(fc.nat(bytes.length), { maxLength: 12 }), (cuts) => {
    const parser = new EventStreamParser()
    const at = [0, ...cuts.sort((left, right) => left - right), bytes.length]
    const events = at.slice(1).flatMap((end, index) => parser.push(bytes.subarray(at[index], end)))
    expect(events).toEqual([
      { id: '7', event: 'revoked', data: '["é"]' },
      { id: '7', event: 'current', data: 'one\ntwo' },
      { id: '8', event: '', data: '' },
    ])
  })
  fc.assert(property)
})

it('gives up an event that has no end', () => {
  const parser = new EventStreamParser()
  const chunk = Buffer.from('x'.repeat(1 << 19))
  parser.push(Buffer.from('data: '))
  parser.push(chunk)
  expect(() => parser.push(chunk)).toThrow('too long')
  const lines = new EventStreamParser()
  const line = Buffer.from(`data: ${'x'.repeat(1 << 18)}\n`)
  expect(() => {
    for (let index = 0; index < 5; index += 1) lines.push(line)
  }).toThrow('too long')
})

it('gives up what is no UTF-8', () => {
  expect(() => new EventStreamParser().push(Buffer.from([0x64, 0xff, 0x0a]))).toThrow()
})
