import { describe, expect, it } from 'vitest'
import { resolveWebhook } from './webhook.ts'

const secret = 'k3J9x-Qz71_Lm02vPs84TtYw5-RrBnHd'
const problems = (changes: { readonly url?: string; readonly secret?: string }, development = false): string[] => {
  const found: string[] = []
  const section = { kind: 'webhook' as const, url: 'https://own.example.com/ask', secret, ...changes }
  resolveWebhook(section, { name: 'own', development, report: (path, message) => found.push(`${path}: ${message}`) })
  return found
}

describe('a provider of kind webhook', () => {
  it('is at an https address, or on this machine in development', () => {
    expect(problems({})).toEqual([])
    for (const url of ['http://own.example.com', 'http://127.0.0.1:1', 'ftp://x', 'https://me:pw@x', 'x']) {
      expect(problems({ url })).toEqual(['url: expected an https URL'])
    }
    expect(problems({ url: 'http://127.0.0.1:1' }, true)).toEqual([])
    expect(problems({ url: 'http://own.example.com' }, true)).toHaveLength(1)
  })

  it('has a secret that cannot be guessed', () => {
    for (const weak of ['short', 'a'.repeat(40), `my-secret-${secret}`]) {
      expect(problems({ secret: weak })).toEqual([expect.stringMatching(/^secret: can be guessed/)])
    }
    expect(problems({ secret: 'short' }, true)).toHaveLength(1)
  })
})
