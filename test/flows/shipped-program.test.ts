import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { SourceMap, type SourceMapping } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { root } from './running-program.ts'

const shipped = join(root, 'packages/gatehouse')
let folder: string

/** What an installation of the package has: its files and what it depends on, and nothing of this project beside. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-shipped-'))
  cpSync(join(shipped, 'dist'), join(folder, 'dist'), { recursive: true, filter: (path) => !path.includes('types') })
  cpSync(join(shipped, 'package.json'), join(folder, 'package.json'))
  const { dependencies } = JSON.parse(readFileSync(join(shipped, 'package.json'), 'utf8'))
  for (const name of Object.keys(dependencies)) {
    const place = join(folder, 'node_modules', name)
    mkdirSync(join(place, '..'), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), place)
  }
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const run = promisify(execFile)

it('needs nothing that its package does not bring along, not for SAML either', async () => {
  writeFileSync(
    join(folder, 'gatehouse.yaml'),
    `issuer: https://auth.example.com
master_key: ${Buffer.from(Array.from({ length: 32 }, (_, index) => index * 7 + 3)).toString('base64')}
providers: { corp: { kind: saml, metadata_file: metadata.xml } }
`,
  )
  writeFileSync(join(folder, 'metadata.xml'), '<wrong xmlns="urn:example:other"/>')
  const checked = run(process.execPath, ['dist/gatehouse.mjs', 'check', 'gatehouse.yaml'], { cwd: folder })
  // What it says of the metadata it can only say once the parser has read them.
  await expect(checked).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('metadata_file') })
})

it('is text that V8 keeps at one byte a character', () => {
  const programs = readdirSync(join(folder, 'dist')).filter((name) => name.endsWith('.mjs'))
  const codes = programs.map((name) => readFileSync(join(folder, 'dist', name), 'utf8'))
  expect(programs.filter((_, index) => /[^\0-\xff]/.test(codes[index] ?? ''))).toEqual([])
})

it('has names in it, and maps that lead to the source behind what was escaped too', () => {
  const lines = readFileSync(join(folder, 'dist/gatehouse.mjs'), 'utf8').split('\n')
  const map = new SourceMap(JSON.parse(readFileSync(join(folder, 'dist/gatehouse.mjs.map'), 'utf8')))
  let [found, right] = [0, 0]
  for (const [line, text] of lines.entries()) {
    const escaped = text.search(/\\u20[12][0-9a-f]/)
    if (escaped === -1) continue
    for (const { index, 1: name = '' } of text.matchAll(/\bfunction (\w{6,})\(/g)) {
      // Nothing of a mapping is there where none is found.
      const entry = map.findEntry(line, index) as Partial<SourceMapping>
      if (index < escaped || !entry.originalSource || entry.originalSource.includes('node_modules')) continue
      const source = readFileSync(join(shipped, 'dist', entry.originalSource), 'utf8').split('\n')
      found += 1
      if (source[entry.originalLine ?? -1]?.slice(entry.originalColumn).includes(name)) right += 1
    }
  }
  expect(found).toBeGreaterThan(50)
  expect(right / found).toBeGreaterThan(0.95)
})
