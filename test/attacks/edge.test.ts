import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

// Every line of README.md's table is held by tests that are there.
const here = dirname(fileURLToPath(import.meta.url))
const rows = readFileSync(join(here, 'README.md'), 'utf8')
  .split('\n')
  .filter((line) => /^\| G\d+ \|/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()))

const literally = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

it('the edge has its 25 lines, each once', () => {
  expect(rows.map(([, line]) => line)).toEqual(Array.from({ length: 25 }, (_, index) => `G${index + 1}`))
})

it.each(rows.map(([, line = '', , held = '']) => [line, held]))('%s is held by tests that are there', (_line, held) => {
  const tests = held.split(' · ')
  expect(tests.length).toBeGreaterThan(0)
  for (const test of tests) {
    const [, file = '', title = ''] = /^`([^`]+)`: (.+)$/.exec(test) ?? []
    const source = readFileSync(join(here, '../..', file), 'utf8')
    // As a title is written: the first thing that `it` or what it gives is called with.
    expect(new RegExp(`\\(\\s*'${literally(title)}'`).test(source), test).toBe(true)
  }
})
