import { describe, expect, it } from 'vitest'
import { escapeUnseen } from './escape-unseen.ts'

describe('JSON text', () => {
  it.each([
    ['a control of C1', '\u009b31m', String.raw`\u009b31m`],
    ['DEL', '\u007f', String.raw`\u007f`],
    ['an override of the direction', 'a\u202eb', String.raw`a\u202eb`],
    ['a zero width', '\u200b\ufeff', String.raw`\u200b\ufeff`],
    ['a separator of lines', '\u2028\u2029', String.raw`\u2028\u2029`],
    ['a tag, beyond U+FFFF', '\u{e0041}', String.raw`\udb40\udc41`],
  ])('has %s escaped, and means the same', (_, raw, escaped) => {
    const text = escapeUnseen(JSON.stringify({ raw }))
    expect(text).toBe(`{"raw":"${escaped}"}`)
    expect(JSON.parse(text)).toEqual({ raw })
  })

  it('has what is seen as it is', () => {
    const text = `${JSON.stringify({ name: 'Zoë 名前 👍🏽 \t"\\', list: [1] }, null, 2)}\n`
    expect(escapeUnseen(text)).toBe(text)
  })
})
