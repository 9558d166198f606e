import { expect, it } from 'vitest'
import { resourceMetadataUrl } from './resource-metadata.ts'

it.each([
  ['https://api.example.com', 'https://api.example.com/.well-known/oauth-protected-resource'],
  ['https://api.example.com/', 'https://api.example.com/.well-known/oauth-protected-resource'],
  ['https://api.example.com/orders', 'https://api.example.com/.well-known/oauth-protected-resource/orders'],
  ['https://api.example.com/a/b?c=d', 'https://api.example.com/.well-known/oauth-protected-resource/a/b?c=d'],
  ['http://localhost:8080/orders', 'http://localhost:8080/.well-known/oauth-protected-resource/orders'],
  ['orders', undefined],
  ['urn:example:orders', undefined],
  ['https://api.example.com/#orders', undefined],
])('the metadata of %s are at %s', (resource, url) => {
  expect(resourceMetadataUrl(resource)).toBe(url)
})
