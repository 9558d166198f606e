import { describe, expect, it } from 'vitest'
import { findKindSchema, providerKinds } from '../configuration/schema-providers.ts'
import { renderConfigurationPage } from './configuration-page.ts'

const rowsOf = (key: string): readonly string[] =>
  renderConfigurationPage()
    .split('\n')
    .filter((line) => line.startsWith(`| \`providers.<name>.${key}\` |`))

describe('the page of the configuration', () => {
  it('has a key of all kinds of provider once', () => {
    expect(rowsOf('kind')).toHaveLength(1)
    expect(rowsOf('trust_email')).toEqual([expect.not.stringContaining('kinds')])
    expect(rowsOf('mapping.email')).toHaveLength(1)
  })

  it('names the kinds that have a key, each meaning of it apart', () => {
    expect(rowsOf('url')).toEqual(
      ['ldap', 'webhook', 'github', 'gitlab', 'keycloak'].map((kind) => expect.stringContaining(`| kind ${kind}: `)),
    )
    expect(rowsOf('groups.filter')).toEqual([expect.stringContaining('| kind ldap: ')])
    expect(rowsOf('shadow')).toEqual([expect.stringContaining('| kinds oauth2, ldap, webhook, module: ')])
  })

  it.each(providerKinds)('leaves out no key of %s', (kind) => {
    const { properties } = findKindSchema(kind) as unknown as { readonly properties: object } // read as plain JSON Schema
    for (const key of Object.keys(properties)) expect(rowsOf(key), key).not.toEqual([])
    expect(rowsOf(`kind: ${kind}`)).toHaveLength(1)
  })
})
