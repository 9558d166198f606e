import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const run = promisify(execFile)
const loader = fileURLToPath(new URL('../../store/src/testing/register-typescript.mjs', import.meta.url))
const { href } = new URL('./young-generation.ts', import.meta.url)

/** The megabytes of V8's space for new objects in a process of its own, in which 60 MB of what is new has lived on. */
async function measureNewSpace(before: string): Promise<number> {
  const program = `
    import { getHeapSpaceStatistics } from 'node:v8'
    import { keepYoungGenerationSmall } from '${href}'
    ${before}
    const kept = []
    for (let index = 0; index < 300_000; index += 1) kept.push({ index, more: new Array(20).fill(index) })
    const space = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')
    console.log(kept.length === 300_000 && space.space_size / 2 ** 20)`
  const node = ['--conditions=gatehouse-source', '--import', loader, '--input-type=module', '-e', program]
  const { stdout } = await run(process.execPath, node, { env: { ...process.env, NODE_OPTIONS: '' } })
  return Number(stdout)
}

it('keeps the space for new objects from growing, which it does otherwise', async () => {
  const grown = await measureNewSpace('')
  const kept = await measureNewSpace('keepYoungGenerationSmall()')
  expect(grown).toBe(32)
  expect(kept).toBeLessThanOrEqual(grown / 2)
})
