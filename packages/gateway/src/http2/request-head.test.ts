import { describe, expect, it } from 'vitest'
import { readRequestHead } from './request-head.ts'

const plain = [':method', 'GET', ':scheme', 'https', ':authority', 'auth.test', ':path', '/a?b']
const withField = (name: string, value: string): string[] =>
  plain.map((text, index) => (plain[index - 1] === name ? value : text))
const read = (fields: readonly string[], ends = true) => readRequestHead({}, fields, ends)

describe('readRequestHead', () => {
  it('makes of a stream the request that means the same', () => {
    const crumbs = ['cookie', 'a=1', 'x-b', '2', 'cookie', 'c=3']
    const head = readRequestHead({ ':path': '/', ':method': 'GET', cookie: 'a=1; c=3' }, [...plain, ...crumbs], true)
    expect(head).toEqual({
      method: 'GET',
      target: '/a?b',
      rawHeaders: ['x-b', '2', 'host', 'auth.test', 'cookie', 'a=1; c=3'],
      headers: { cookie: 'a=1; c=3', host: 'auth.test' },
      fault: undefined,
    })
  })

  it('says that a body of no announced length is chunked', () => {
    expect(read(plain, false).rawHeaders).toContain('chunked')
    expect(read([...plain, 'content-length', '5'], false).rawHeaders).not.toContain('chunked')
    expect(read(plain).rawHeaders).not.toContain('chunked')
  })

  it('takes Host for the authority that is not there, and besides one that is the same', () => {
    const without = plain.filter((_, index) => index !== 4 && index !== 5)
    expect(read([...without, 'host', 'auth.test']).rawHeaders).toEqual(['host', 'auth.test'])
    expect(read(without).rawHeaders).toEqual([])
    expect(read([...plain, 'host', 'AUTH.test:443'])).toMatchObject({
      fault: undefined,
      rawHeaders: ['host', 'auth.test'],
    })
  })

  it.each([
    ['another Host beside the authority', [...plain, 'host', 'evil.test'], 400],
    ['a Host that is none', [...plain, 'host', 'auth.test,evil.test'], 400],
    ['a scheme that lets a path be anything', withField(':scheme', 'foo'), 400],
    ['an absolute target', withField(':path', 'https://auth.test/a'), 400],
    ['no target', withField(':path', ''), 400],
    ['CONNECT', [':method', 'CONNECT', ':authority', 'auth.test:443'], 405],
  ])('refuses %s', (_name, fields, status) => {
    expect(read(fields).fault?.status).toBe(status)
  })
})
