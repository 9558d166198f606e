import { describe, expect, it } from 'vitest'
import { ReceivedHeaders } from './received-headers.ts'

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

function open() {
  const asked: string[] = []
  const headers = new ReceivedHeaders((lower) => {
    asked.push(lower)
    return lower.length
  })
  return { headers, asked }
}

describe('received headers', () => {
  it('are read as they were sent, and a name is judged once for each spelling', () => {
    const { headers, asked } = open()
    for (let time = 0; time < 3; time += 1) {
      expect(headers.readName(bytes('ETag'))).toMatchObject({ name: 'ETag', lower: 'etag', kind: 4 })
      expect(headers.readName(bytes('etag'))).toMatchObject({ name: 'etag', lower: 'etag', kind: 4 })
      expect(headers.readName(bytes('Eta_'))).toMatchObject({ name: 'Eta_' })
      expect(headers.readName(bytes(''))).toMatchObject({ name: '' })
    }
    expect(asked).toEqual(['etag', 'etag', 'eta_', ''])
  })

  it('have the value of this answer, also where the last one’s was as long or began alike', () => {
    const { headers } = open()
    const long = 'v'.repeat(200)
    const values = ['abc', 'abc', 'abd', '', 'abc', 'ab', 'xbc', long, 'abc', `${long}w`, 'ab\u00e9', 'ab\u00e8']
    const name = headers.readName(bytes('X-Value'))
    const other = headers.readName(bytes('X-Valuf'))
    for (const value of values) {
      expect(headers.readValue(name, bytes(value))).toBe(value)
      expect(headers.readValue(other, bytes(`${value}!`))).toBe(`${value}!`)
    }
  })

  it('do not change with the memory that they were received in', () => {
    const { headers } = open()
    const memory = bytes('Server: one')
    const read = () => {
      const name = headers.readName(memory.subarray(0, 6))
      return [name.name, headers.readValue(name, memory.subarray(8))]
    }
    expect(read()).toEqual(['Server', 'one'])
    memory.write('Sender: two', 'latin1')
    expect(read()).toEqual(['Sender', 'two'])
    memory.write('Server: two', 'latin1')
    expect(read()).toEqual(['Server', 'two'])
  })

  it('are read past the bound of what is remembered', () => {
    const { headers, asked } = open()
    // As many lengths and first letters as it takes for no place to be full.
    const names = Array.from(
      { length: 600 },
      (_, index) => `${String.fromCharCode(65 + (index % 20))}-${'x'.repeat(index / 20)}`,
    )
    for (let time = 0; time < 2; time += 1) {
      for (const one of names) {
        const name = headers.readName(bytes(one))
        expect([name.name, headers.readValue(name, bytes(one))]).toEqual([one, one])
      }
    }
    // Five hundred were judged once, a hundred twice.
    expect(asked).toHaveLength(700)
    const long = 'X'.repeat(65)
    for (let time = 0; time < 2; time += 1) expect(headers.readName(bytes(long)).name).toBe(long)
    expect(asked).toHaveLength(702)
  })

  it('are not looked for among all that are alike: ever new names of one shape do not make each answer dearer', () => {
    const { headers, asked } = open()
    const names = Array.from({ length: 100 }, (_, index) => `X-Trace-${100 + index}`)
    for (let time = 0; time < 2; time += 1) for (const name of names) headers.readName(bytes(name))
    // Eight were judged once, the others twice.
    expect(asked).toHaveLength(192)
    for (const name of names) expect(headers.readName(bytes(name)).name).toBe(name)
  })
})
