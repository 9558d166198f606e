import { parseMasterKey } from '@gatehouse/auth/domain/key-rings'
import { isKnownHash } from '@gatehouse/auth/domain/passwords'
import { parseRefreshToken } from '@gatehouse/auth/domain/refresh-tokens'
import { canonicalName } from '@gatehouse/auth/domain/users'
import { limitKey, parseRange } from '@gatehouse/auth/http/client-address'
import { parseForm } from '@gatehouse/auth/http/read-body'
import { parseBasic } from '@gatehouse/auth/protocol/client-auth/client-secret'
import { GatehouseError } from '@gatehouse/core/errors'
import { parseJsonObject } from '@gatehouse/core/json'
import { parseScope } from '@gatehouse/core/scope'
import { parseDuration } from '@gatehouse/core/time'
import { parseAuthority } from '@gatehouse/gateway/authority'
import { normalizePath } from '@gatehouse/gateway/normalize-path'
import { parsePattern } from '@gatehouse/gateway/path-pattern'
import { parseCompactToken, parseJsonPart } from '@gatehouse/guard/compact-token'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

/** Every parser of text from strangers. A value, an absence or an error of ours: nothing else may come out. */
const parsers: Record<string, (text: string) => unknown> = {
  parseRefreshToken,
  canonicalName,
  parseForm,
  limitKey,
  parseRange,
  parseBasic: (text) => parseBasic(`Basic ${Buffer.from(text).toString('base64')}`),
  'parseBasic of anything': parseBasic,
  parseMasterKey,
  parseScope,
  parseDuration,
  parseAuthority,
  parsePattern,
  parseCompactToken,
  parseJsonPart,
  isKnownHash,
  normalizePath,
  parseJsonObject,
}

const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.webUrl(),
  fc.json(),
  fc
    .constantFrom(
      'a',
      '%',
      '%2f',
      '..',
      '//',
      '\u0000',
      '[',
      '::',
      '::ffff:1.2.3.4',
      '=',
      '&',
      '$2b$',
      '$argon2id$',
      'ghr_',
    )
    .map((part) => part.repeat(20_000)),
)

describe('a parser of text from strangers', () => {
  for (const [name, parse] of Object.entries(parsers)) {
    it(`gives a value, nothing, or an error of ours, and soon: ${name}`, () => {
      fc.assert(
        fc.property(hostile, (text) => {
          const startedAt = performance.now()
          try {
            parse(text)
          } catch (error) {
            const isOurs =
              error instanceof GatehouseError || (error instanceof Error && error.name === 'JsonFaultError')
            if (!isOurs) throw error
          }
          // Generous: what is looked for are seconds of backtracking, not a slow machine.
          expect(performance.now() - startedAt).toBeLessThan(1000)
        }),
        { numRuns: 300 },
      )
    })
  }
})

describe('an address as limits count it', () => {
  it('is the same for every address of one IPv6 /64, and another one outside of it', () => {
    const word = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16))
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 8, maxLength: 8 }),
        fc.array(word, { minLength: 4, maxLength: 4 }),
        (words, others) => {
          const prefix = words.slice(0, 4)
          fc.pre(prefix.join() !== '0,0,0,0')
          expect(limitKey([...prefix, ...others].join(':'))).toBe(limitKey(words.join(':')))
          const neighbour = [...prefix.slice(0, 3), (Number.parseInt(prefix[3] ?? '0', 16) ^ 1).toString(16)]
          expect(limitKey([...neighbour, ...others].join(':'))).not.toBe(limitKey(words.join(':')))
        },
      ),
    )
  })

  it('knows one spelling for IPv4, also inside IPv6', () => {
    for (const text of ['192.0.2.1', '::ffff:192.0.2.1', '::ffff:c000:201', '::FFFF:192.0.2.1'])
      expect(limitKey(text)).toBe('192.0.2.1')
    for (const text of ['', 'localhost', '1.2.3', '0x7f.1', '01.2.3.4', '1.2.3.4.5'])
      expect(limitKey(text), text).toBe('unknown')
  })
})
