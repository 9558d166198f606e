import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { inliningLimits } from './inlining.ts'

it('sets limits that V8 knows', () => {
  const known = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' })
  const names = inliningLimits.map((limit) => limit.split('=')[0])
  expect(names).toHaveLength(2)
  for (const name of names) expect(known).toContain(`  ${name} (`)
})
