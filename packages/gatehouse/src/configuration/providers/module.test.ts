import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { resolveModule } from './module.ts'

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-module-'))
afterAll(() => rmSync(folder, { recursive: true }))

function resolve(changes: { readonly file: string; readonly settings?: Record<string, unknown>; time_limit?: string }) {
  const problems: string[] = []
  const settings = resolveModule(
    { kind: 'module', ...changes },
    { name: 'own', development: false, report: (path, message) => problems.push(`${path.join('.')}: ${message}`) },
  )
  return { settings, problems }
}

describe('a provider of kind module', () => {
  it('is a file with settings of its own', () => {
    const file = join(folder, 'users.mjs')
    writeFileSync(file, '')
    const settings = { url: 'x' }
    expect(resolve({ file, settings })).toEqual({ settings: { file, settings, limitMs: 3000 }, problems: [] })
    expect(resolve({ file, time_limit: '9s' }).settings.limitMs).toBe(9000)
    expect(resolve({ file, time_limit: '10s' }).problems).toEqual(['time_limit: expected at most 9s'])
    expect(resolve({ file, time_limit: '0s' }).problems).toEqual(['time_limit: expected at least 1s'])
  })

  it('is JavaScript, or TypeScript where Node runs that', () => {
    const file = join(folder, 'users.ts')
    writeFileSync(file, '')
    const canRun = 'typescript' in process.features && Boolean(process.features.typescript)
    const expected = canRun ? [] : [expect.stringMatching(/^file: this Node .* does not run TypeScript; compile it/)]
    expect(resolve({ file }).problems).toEqual(expected)
    expect(resolve({ file: join(folder, 'users.py') }).problems).toEqual([
      'file: expected a JavaScript file: .mjs or .js',
    ])
    expect(resolve({ file: join(folder, 'absent.mjs') }).problems).toEqual([
      expect.stringMatching(/^file: there is no file/),
    ])
    expect(resolve({ file: `${folder}/x.mjs/..` }).problems).toHaveLength(1)
  })
})
