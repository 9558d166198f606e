import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AnswerReader, awaited, Disconnection, MalformedAnswer } from './ldap-answers.ts'

const everything = [...awaited.bind, ...awaited.search, ...awaited.extended]
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const read = (bytes: Buffer): readonly Buffer[] => new AnswerReader().read(bytes, everything)

/** What directories send, each one message. */
const good: Readonly<Record<string, string>> = {
  'a result': '300c 020101 6107 0a0100 0400 0400',
  'a result whose lengths are longer than they need be': '3084 00000010 020101 6584 00000007 0a0100 0400 0400',
  'a result with a referral': '3010 020101 650b 0a010a 0400 0400 a302 0400',
  'a result with a control': '3018 020101 6107 0a0100 0400 0400 a00a 3008 0401 31 0101ff 0400',
  'an entry': '3014 020101 640f 0401 78 300a 3008 0401 75 3103 0401 61',
  'an entry without attributes that were asked for': '300a 020101 6405 0401 78 3000',
  'a reference': '3007 020101 7302 0400',
}

describe('an answer', () => {
  it.each(Object.entries(good))('that is %s is taken', (_, text) => {
    expect(read(hex(text))).toEqual([hex(text)])
  })

  it.each([
    ['an entry with a name alone', '3008 020101 6403 0401 78'],
    ['an entry with an attribute that has no set of values', '300f 020101 640a 0401 78 3005 3003 0401 75'],
    ['an entry with something behind its attributes', '300c 020101 6407 0401 78 3000 0400'],
    ['a bind’s without a result', '3005 020101 6100'],
    ['one with a code of no byte', '300b 020101 6106 0a00 0400 0400'],
    ['one with a code below nothing', '300c 020101 6107 0a01ff 0400 0400'],
    ['one of an element that ends behind it', '300c 020101 6107 0a0100 0400 0401'],
    ['one with an id of five bytes', '3010 02050000000001 6107 0a0100 0400 0400'],
    ['one without an id', '3009 6107 0a0100 0400 0400'],
    ['one of indefinite length', '3080 020101 6107 0a0100 0400 0400 0000'],
    ['one of a length of five bytes', '3085 000000000c 020101 6107 0a0100 0400 0400'],
    ['one of a length that nobody reads', '3084 7fffffff'],
    ['no sequence', '0400'],
    ['a reference to nowhere', '3005 020101 7300'],
    ['a control without a name', '3010 020101 6107 0a0100 0400 0400 a002 3000'],
    ['one with something behind it', '300e 020101 6107 0a0100 0400 0400 0400'],
  ])('that is %s is not', (_, text) => {
    expect(() => read(hex(text))).toThrow(MalformedAnswer)
  })

  it('that ends the connection is told from one that is none', () => {
    const notice = hex('3018 020100 7813 0a0134 0400 0400 8a0a 31323334353637383930')
    expect(() => new AnswerReader().read(notice, awaited.search)).toThrow(Disconnection)
    expect(() => new AnswerReader().read(hex('3005 020100 7800'), awaited.search)).toThrow(MalformedAnswer)
  })

  it('is none to another question', () => {
    const done = hex('300c 020101 6507 0a0100 0400 0400')
    expect(() => new AnswerReader().read(done, awaited.bind)).toThrow('another question')
    expect(new AnswerReader().read(done, awaited.search)).toEqual([done])
  })

  it('comes whole however it is cut, and one at a time', () => {
    const all = Object.values(good).map(hex)
    const bytes = Buffer.concat(all)
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: bytes.length - 1 })), (cuts) => {
        const reader = new AnswerReader()
        const edges = [0, ...new Set(cuts), bytes.length].sort((one, other) => one - other)
        const messages = edges
          .slice(1)
          .flatMap((edge, index) => reader.read(bytes.subarray(edges[index], edge), everything))
        expect(messages).toEqual(all)
      }),
    )
  })

  it('of any bytes is taken, waited for or refused, and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        for (const candidate of [Buffer.from(bytes), Buffer.concat([Buffer.from([0x30, bytes.length]), bytes])]) {
          try {
            read(candidate)
          } catch (error) {
            expect(error).toBeInstanceOf(MalformedAnswer)
          }
        }
      }),
    )
  })
})
