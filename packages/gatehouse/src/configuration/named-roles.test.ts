import { expect, it } from 'vitest'
import { findNamedRoles } from './named-roles.ts'
import { readConfigurationText } from './read-file.ts'
import type { ConfigurationFile } from './schema.ts'

const read = (text: string): ConfigurationFile =>
  readConfigurationText(`issuer: https://auth.example.com\n${text}`, 'gatehouse.yaml', {}).content as ConfigurationFile // as written here

it('a role is named wherever somebody gets or needs it', () => {
  const found = findNamedRoles(
    read(`roles: { auditor: {} }
organisations: { enabled: true }
second_factor: { required_for_roles: [treasurer] }
sign_up: { roles: [customer] }
services:
  shop:
    upstream: http://127.0.0.1:1
    routes:
      - { path: /a, methods: [GET], require: { roles: [clerk] }, observe: { roles: [boss] } }
      - { path: /b, methods: [GET], require: { when: ['"packer" in principal.roles', "'driver' in principal.roles"] } }
      - { path: /c, methods: [GET], require: token }
providers:
  corp: { kind: module, file: ./x.mjs, mapping: { roles: { keeper: "'k' in claims.groups" } } }
  old: { kind: module, file: ./y.mjs, mapping: { roles: "claims.admin ? ['chief'] : []" } }
`),
  )
  expect([...found].sort()).toEqual(
    ['auditor', 'boss', 'chief', 'clerk', 'customer', 'driver', 'keeper', 'packer', 'treasurer'].sort(),
  )
  expect([...findNamedRoles(read(''))]).toEqual([])
  expect([...findNamedRoles(read('organisations: { enabled: true }\n'))]).toEqual([])
})
