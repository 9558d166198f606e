import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type KeylessConfiguration, loadForCommand } from '../configuration/load-for-use.ts'
import { howToRemove, howToRotate } from './configured-client.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-clients-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** What development mode makes of a file with these clients. */
async function load(clients: string): Promise<KeylessConfiguration> {
  const file = join(folder, 'gatehouse.yaml')
  writeFileSync(file, `issuer: http://localhost:8080\nclients: ${clients}\n`)
  return loadForCommand({ file, development: true })
}

it('sends nobody to a key that no file has, of a client that development mode brings', async () => {
  const configuration = await load('{}')
  expect(howToRotate(configuration, 'demo-service')).toMatch(
    /development mode brings it.*a secret of its own is set there: clients\.demo-service\.secret$/,
  )
  expect(howToRotate(configuration, 'demo-spa')).toContain('does not prove itself by a secret')
  expect(howToRemove(configuration, 'demo-spa')).toContain('it is there all the same')
})

it('does not deny that a client may be in the file by a name that development mode has too', async () => {
  const configuration = await load('{ demo-web: { public: true, redirect_uris: [https://a.example/cb] } }')
  expect(howToRemove(configuration, 'demo-web')).toMatch(/unless it is in .*gatehouse\.yaml, under clients\.demo-web/)
})
