import { describe, expect, it } from 'vitest'
import { parseAuthority } from './authority.ts'

describe('parseAuthority', () => {
  it.each([
    ['auth.example.com', 'auth.example.com'],
    ['AUTH.Example.com', 'auth.example.com'],
    ['auth.example.com:80', 'auth.example.com'],
    ['auth.example.com:443', 'auth.example.com'],
    ['auth.example.com:8080', 'auth.example.com:8080'],
    ['auth.example.com:8443', 'auth.example.com:8443'],
    ['127.0.0.1:3000', '127.0.0.1:3000'],
    ['[::1]:3000', '[::1]:3000'],
    ['[::1]', '[::1]'],
    ['localhost', 'localhost'],
  ])('reads %s as %s', (value, host) => {
    expect(parseAuthority(value)).toBe(host)
  })

  it.each([
    '',
    'user@auth.example.com',
    'auth.example.com:',
    'auth.example.com:http',
    'auth.example.com:80@evil.test',
    'auth.example.com:65536',
    'auth.example.com:99999999',
    'auth.example.com.',
    'auth.example.com,evil.test',
    'auth.example.com/evil',
    'auth.example.com evil.test',
    'auth.example.com#',
    '::1',
    '[::1',
    '-a',
    'a'.repeat(256),
  ])('refuses %j', (value) => {
    expect(parseAuthority(value)).toBeUndefined()
  })
})
