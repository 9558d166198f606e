import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { BodyReader, parseForm } from './read-body.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

describe('a body that comes a byte at a time', () => {
  it('costs little more than its bytes, and is read whole', () => {
    const reader = new BodyReader()
    const texts: string[] = []
    // All that is asked of a request are its headers and what it emits.
    const requests = Array.from({ length: 20 }, () => Object.assign(new PassThrough(), { headers: {} }))
    collect()
    const before = process.memoryUsage().heapUsed
    for (const request of requests) {
      reader.read(request as unknown as IncomingMessage, (_, text) => texts.push(text))
      for (let count = 0; count < 60_000; count += 1) request.emit('data', Buffer.from('x'))
    }
    collect()
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(10_000_000)
    for (const request of requests) request.emit('end')
    reader.close()
    expect(texts).toEqual(requests.map(() => 'x'.repeat(60_000)))
  })
})

describe('a form (RFC 6749 section 3.2)', () => {
  it('is read with and without escapes alike', () => {
    expect(parseForm('a=1&b=x-y_z.~&c=a=b&d')).toEqual({ a: '1', b: 'x-y_z.~', c: 'a=b' })
    expect(parseForm('a=1&b=x%2Dy+z&c=a%3Db&%64=4')).toEqual({ a: '1', b: 'x-y z', c: 'a=b', d: '4' })
    expect(parseForm('')).toEqual({})
    expect(parseForm('&&a=1&')).toEqual({ a: '1' })
  })

  it('takes an empty parameter for absent, and refuses one that is named twice, empty or not', () => {
    expect(parseForm('a=&b=1')).toEqual({ b: '1' })
    for (const text of ['a=1&a=2', 'a=&a=1', 'a=1&a=', 'a=1&%61=2', 'a=&a=', '__proto__=1&__proto__=2']) {
      expect(() => parseForm(text), text).toThrow('given twice')
    }
  })

  it('reaches for no prototype', () => {
    for (const text of ['__proto__=x', '__proto__[y]=x', 'constructor=x', '%5f_proto__=x', 'a[__proto__][x]=1']) {
      const form = parseForm(text)
      expect(Object.getPrototypeOf(form)).toBe(Object.prototype)
      expect(({} as { x?: unknown }).x).toBeUndefined()
    }
    expect(Object.keys(parseForm('__proto__=x&b=1'))).toEqual(['b'])
  })

  it('has no escapes that are not UTF-8, and any character that is', () => {
    for (const text of ['state=%FF', 'state=a%C3', 'state=%C3%28', 'state=%ED%A0%80', '%ff=a', 'a=%C3+%A9'])
      expect(() => parseForm(text), text).toThrow('not UTF-8')
    for (const text of ['%EF%BF%BD', '\ufffd', '%c3%A9%F0%9F%98%80'])
      expect(parseForm(`state=${text}`)).toEqual({ state: decodeURIComponent(text) })
    expect(parseForm('a=%zz%')).toEqual({ a: '%zz%' })
    expect(parseForm('error_description=f%FCr', 'any')).toEqual({ error_description: 'f\ufffdr' })
  })

  it('has at most a hundred parameters', () => {
    const many = (count: number): string => Array.from({ length: count }, (_, index) => `p${index}=1`).join('&')
    expect(Object.keys(parseForm(many(100)))).toHaveLength(100)
    expect(() => parseForm(many(101))).toThrow('Too many parameters')
  })
})

describe('escapes that are no UTF-8', () => {
  it('are told from the character that stands in their place, however it is written', () => {
    for (const text of ['a=%EF%BF%BD&b=%ef%bf%bd%ef%bf%bd', 'a=\ufffd+%EF%BF%BD', '%EF%BF%BD=1'])
      expect(parseForm(text)).toEqual(Object.fromEntries(new URLSearchParams(text)))
    for (const text of ['a=%FF', 'a=%EF%BF%BD&b=%FF', 'a=\ufffd&b=%EF%BF', 'a=%EF%BF%EF%BF%BD', '%FF=1', 'a=%C3x'])
      expect(() => parseForm(text), text).toThrow('not UTF-8')
    expect(parseForm('a=%FF', 'any')).toEqual({ a: '\ufffd' })
  })

  it('are looked for once, however many parameters have that character', () => {
    const marks = Array.from({ length: 98 }, (_, index) => `p${index}=%EF%BF%BD`).join('&')
    const text = `${marks}&x=${'%41x'.repeat(100_000)}`
    const startedAt = performance.now()
    expect(Object.keys(parseForm(text))).toHaveLength(99)
    // It took four seconds where each of them led to a look at all of it.
    expect(performance.now() - startedAt).toBeLessThan(500)
  })
})
