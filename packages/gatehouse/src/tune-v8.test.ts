import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { v8Flags } from './tune-v8.ts'

it('sets flags that V8 knows', () => {
  const known = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' })
  const names = v8Flags(1).map((flag) => flag.split('=')[0]?.replace('--no-', '--'))
  expect(names).toHaveLength(3)
  for (const name of names) expect(known).toContain(`  ${name} (`)
})

it.each([1, 2, 3, 64])(
  'has new objects collected by several threads only where %i cores are more than two',
  (cores) => {
    expect(v8Flags(cores).includes('--no-parallel-scavenge')).toBe(cores <= 2)
  },
)
