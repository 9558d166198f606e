import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ManualClock } from '@gatehouse/core/time'
import { buildConnection } from '@gatehouse/store/database'
import { postgresDialect, sqliteDialect } from '@gatehouse/store/dialect'
import { migrations } from '@gatehouse/store/migrations/index'
import type { Query } from '@gatehouse/store/runner'
import { describe, expect, it } from 'vitest'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')

/** Which packages of the workspace a package may import. Arrows point only downwards. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  core: [],
  guard: ['core'],
  store: ['core'],
  auth: ['core', 'guard', 'store'],
  gateway: ['core', 'guard'],
  gatehouse: ['core', 'guard', 'store', 'auth', 'gateway'],
}

const walk = (folder: string): string[] =>
  readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    if (name === 'node_modules' || name === 'dist') return []
    return statSync(path).isDirectory() ? walk(path) : [path]
  })

const sources = Object.keys(allowed).flatMap((name) =>
  walk(join(root, 'packages', name, 'src')).filter((file) => file.endsWith('.ts')),
)
const isTest = (file: string): boolean => /\.(test|suite)\.ts$|\/(testing|fixtures)\//.test(file)
const packageOf = (file: string): string => relative(join(root, 'packages'), file).split('/')[0] ?? ''

const importPattern =
  /(?:^|\n)\s*(?:import|export)\s[^'"`;]*?from\s+'([^']+)'|import\(\s*'([^']+)'\s*\)|(?:^|\n)import\s+'([^']+)'/g
const importsOf = (file: string): string[] =>
  [...readFileSync(file, 'utf8').matchAll(importPattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? '')

/** The file of the workspace that an import names; undefined for packages from outside. */
function resolveImport(file: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return resolve(dirname(file), specifier)
  const match = /^@gatehouse\/([a-z]+)(?:\/(.+))?$/.exec(specifier)
  return match ? join(root, 'packages', match[1] ?? '', 'src', `${match[2] ?? 'index'}.ts`) : undefined
}

describe('the architecture', () => {
  it('has imports that point only downwards', () => {
    const wrong: string[] = []
    for (const file of sources) {
      for (const specifier of importsOf(file)) {
        const target = resolveImport(file, specifier)
        if (!target) continue
        const [from, to] = [packageOf(file), packageOf(target)]
        if (from !== to && !allowed[from]?.includes(to)) wrong.push(`${relative(root, file)} imports ${specifier}`)
      }
    }
    expect(wrong).toEqual([])
  })

  it('says in one place how far clocks may lie apart', () => {
    const own = sources.filter((file) => /\bconst \w*clockTolerance = \d/i.test(readFileSync(file, 'utf8')))
    expect(own.map((file) => relative(root, file))).toEqual(['packages/core/src/time.ts'])
  })

  it('has no circle of files, also none of types alone', () => {
    const edges = new Map(
      sources
        .filter((file) => !isTest(file))
        .map((file) => [
          file,
          importsOf(file)
            .map((specifier) => resolveImport(file, specifier))
            .filter((target) => target !== undefined),
        ]),
    )
    const state = new Map<string, 'open' | 'done'>()
    const circles: string[] = []
    const visit = (file: string, path: readonly string[]): void => {
      if (state.get(file) === 'done') return
      if (state.get(file) === 'open') {
        circles.push([...path.slice(path.indexOf(file)), file].map((name) => relative(root, name)).join(' -> '))
        return
      }
      state.set(file, 'open')
      for (const target of edges.get(file) ?? []) visit(target, [...path, file])
      state.set(file, 'done')
    }
    for (const file of edges.keys()) visit(file, [])
    expect(circles).toEqual([])
  })

  it('keeps the core free of I/O, and SQL in the store', () => {
    const outside = (file: string): string[] =>
      importsOf(file).filter((specifier) => !specifier.startsWith('.') && !specifier.startsWith('@gatehouse/'))
    const core = sources.filter((file) => packageOf(file) === 'core' && !isTest(file)).flatMap(outside)
    expect([...new Set(core)].filter((specifier) => specifier !== 'node:crypto')).toEqual([])
    const sql = sources.filter(
      (file) =>
        packageOf(file) !== 'store' &&
        outside(file).some((specifier) => /^(kysely|pg|better-sqlite3)$/.test(specifier)),
    )
    expect(sql.map((file) => relative(root, file))).toEqual([])
  })

  it('builds things in one place: nobody but the program reads the environment or the system clock', () => {
    const wrong = sources
      .filter((file) => !isTest(file) && !['gatehouse', 'guard'].includes(packageOf(file)))
      .filter((file) => /process\.env|Date\.now\(\)|new Date\(\)/.test(readFileSync(file, 'utf8')))
    expect(wrong.map((file) => relative(root, file))).toEqual([])
  })

  it('gives each package a page that says what lives there', () => {
    for (const name of Object.keys(allowed))
      expect(statSync(join(root, 'packages', name, 'README.md')).size).toBeGreaterThan(0)
  })

  it('keeps no download addresses in the lock file', () => {
    expect(readFileSync(join(root, 'package-lock.json'), 'utf8')).not.toMatch(/"resolved": "https?:/)
  })

  it('has generated documents that are fresh', () => {
    const output = execFileSync(process.execPath, [join(root, 'scripts/docs.mjs'), '--check'], { encoding: 'utf8' })
    expect(output).toContain('fresh')
  })
})

/** What each migration that has landed says to a database, by its SHA-256: databases are there that were made by it. */
const landed: Readonly<Record<string, string>> = {
  '0001-first-tables': 'qHwgWw_9JUraZiBU4BOW5ssx5IWyzUrOtR8lkiOkZrs',
  '0002-authorization': 'lYLwnLv7ZSLGy5iMfPlUZup1FuMjvBN8VZhyB3kLw3o',
  '0003-second-factors': 'bDjkGNxdxVc8Z4nwpMBhyT3hhOzvm0kApWRUG_wOeM0',
  '0004-mail': 'cixeRKiOx2bz4oQwfdmv4UeBKwjigTdxA9SCaFVNO_E',
  '0005-organisations': 'oOu70oIX8kuO7WzP-76_EQInkdQZkgp82ozqzDN0XWw',
  '0006-session-limits': 'OG5Xx1zPYJfgX8EDrUeHucElIksU3HbU5OEjFGFWmSU',
  '0007-federation': 'YM50xAunJIGBV515XIrHiDkjR5dccqJjS2Y_3hBpBoA',
  '0008-refusals': '3-qsgDwBvHup8RJtlEbwlcprSldE94_ObpzKXLG_f0w',
  '0009-kept-forms': 'wKApANzhxejNFFJlMFoDBsJYCFtmadfXh8Xzn9pRU-U',
  '0010-provider-word': 'MrkDb2LGBqlYsmvWNVg7_vjYBLCLNGkdW3zMPlPnvCw',
  '0011-organisation-consents': '_HbwVGyeaSw9nQKiJPlaZvJV0gBGgWkk2kqhUsquoPs',
}

describe('the migrations', () => {
  it('that have landed are never changed: a change is a migration of its own', async () => {
    const said: Record<string, string> = {}
    for (const migration of migrations) {
      const hash = createHash('sha256')
      for (const dialect of [sqliteDialect, postgresDialect]) {
        const runner = {
          async run({ sql, parameters }: Query) {
            hash.update(`${dialect.name}\n${sql}\n${JSON.stringify(parameters)}\n`)
            return { rows: [], changes: 0 }
          },
        }
        const { db } = buildConnection({ runner, dialect, clock: new ManualClock() })
        await migration.up({ schema: db.schema, dialect, run: async (statement) => void (await statement.execute(db)) })
      }
      said[migration.name] = hash.digest('base64url')
    }
    expect(said).toEqual(landed)
  })
})
