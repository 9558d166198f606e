import type { AskedRequest } from '@gatehouse/gateway/authorize/asked-request'
import { beforeAll, describe, expect, it } from 'vitest'
import { type RemoteEntry, resolveRemote } from './resolve-remote.ts'
import { loadRuleCompiler } from './rule-compiler.ts'

beforeAll(loadRuleCompiler)

const asked: AskedRequest = {
  ...{ token: undefined, now: 0, method: 'GET', host: 'h', path: '/orders/7', query: '' },
  findAddress: () => undefined,
}

function resolve(entry: Partial<RemoteEntry>) {
  const problems: string[] = []
  const report = (key: readonly (string | number)[], message: string) =>
    void problems.push(`${key.join('.')}: ${message}`)
  const remote = resolveRemote({ url: 'http://decider.test/', ...entry }, ['id'], report)
  expect(problems).toEqual([])
  return { ...remote, ask: () => remote.question(asked, [{ name: 'id', index: 1 }]) }
}

const described = {
  request: { method: 'GET', host: 'h', path: '/orders/7', query: {}, address: null },
  principal: null,
  path: { id: '7' },
}

describe('a decider in the file', () => {
  it('has a second to answer, and two in which that counts, unless it says otherwise', () => {
    expect(resolve({})).toMatchObject({ timeout: 1000, cacheFor: 2000 })
    expect(resolve({ timeout: '3s', cache: '0s' })).toMatchObject({ timeout: 3000, cacheFor: 0 })
  })

  it('is asked in the words of its kind', () => {
    expect(resolve({}).ask()).toEqual(described)
    expect(resolve({ kind: 'opa' }).ask()).toEqual({ input: described })
    const ask = { user: '"user:anybody"', relation: '"viewer"', object: '"order:" + path.id' }
    const tuple_key = { user: 'user:anybody', relation: 'viewer', object: 'order:7' }
    expect(resolve({ kind: 'openfga', ask }).ask()).toEqual({ tuple_key })
    const cedar = { principal: 'principal.sub', action: '"get"', resource: 'path.id' }
    expect(() => resolve({ kind: 'cedar', ask: cedar }).ask()).toThrow('No such key: sub')
    const known = { ...cedar, principal: '"User::\\"a\\""' }
    expect(resolve({ kind: 'cedar', ask: known }).ask()).toEqual({
      principal: 'User::"a"',
      action: 'get',
      resource: '7',
    })
  })

  it('is asked nothing where a text is none', () => {
    const ask = { principal: 'principal.claims.sub', action: '"get"', resource: 'path.id' }
    const claims = { sub: 7 }
    // As much of a token as a question looks at, with a claim that is no text, as no type lets one write it.
    const token = { claims, scopes: new Set(), roles: new Set(), memo: {} } as unknown as AskedRequest['token']
    const { question } = resolve({ kind: 'cedar', ask })
    expect(() => question({ ...asked, token }, [{ name: 'id', index: 1 }])).toThrow('principal is no text')
  })

  it.each<[RemoteEntry['kind'], unknown, boolean | undefined]>([
    ['json', { allow: true }, true],
    ['json', { allow: false }, false],
    ['json', { allow: 1 }, undefined],
    ['json', { result: true }, undefined],
    ['json', null, undefined],
    ['opa', { result: true }, true],
    ['opa', { result: { allow: true } }, true],
    ['opa', { result: { allow: false, reason: 'no' } }, false],
    ['opa', { result: 'true' }, undefined],
    ['opa', {}, false],
    ['openfga', { allowed: true }, true],
    ['openfga', { allowed: false }, false],
    ['openfga', { allow: true }, undefined],
    ['cedar', { decision: 'Allow' }, true],
    ['cedar', { decision: 'Deny' }, false],
    ['cedar', { decision: 'allow' }, undefined],
  ])('of the kind %s answers %j: %s', (kind = 'json', answer, allowed) => {
    const asks = {
      json: [],
      opa: [],
      openfga: ['user', 'relation', 'object'],
      cedar: ['principal', 'action', 'resource'],
    }
    const ask = Object.fromEntries(asks[kind].map((name) => [name, '"x"']))
    expect(resolve({ kind, ask }).readAnswer(answer)?.allowed).toBe(allowed)
  })
})
