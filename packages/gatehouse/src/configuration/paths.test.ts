import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { makePathsAbsolute } from './paths.ts'

const absolute = (content: object, fromEnvironment: readonly string[] = []): object => {
  const copy = structuredClone(content)
  makePathsAbsolute(copy, {
    file: '/etc/gatehouse/gatehouse.yaml',
    isFromEnvironment: (path) => fromEnvironment.includes(path.join('.')),
  })
  return copy
}

describe('paths in a configuration', () => {
  it('count from the folder of the file, wherever they stand', () => {
    const upstream_tls = { ca: 'ca.pem', cert: 'cert.pem', key: 'key.pem', server_name: 'orders' }
    const content = {
      issuer: 'https://auth.example.com',
      database: './data/gatehouse.db',
      master_key_file: 'master.key',
      pid_file: '/run/gatehouse.pid',
      tls: { cert: 'tls.pem', key: 'tls.key' },
      client_certificates: { authorities: '../authorities.pem', header: 'x-cert' },
      passwords: { breached: { file: 'breached' } },
      brand: { name: 'Shop', logo: 'logo.svg', css: 'style.css', messages: 'messages', templates: 'templates' },
      services: {
        orders: { upstream: 'https://orders', upstream_tls, routes: [{ path: '/orders', require: 'token' }] },
      },
      providers: {
        ldap: { kind: 'ldap', ca_file: 'ldap.pem' },
        old: { kind: 'module', file: './old.mjs', settings: { file: 'theirs' } },
        oidc: { kind: 'oidc', private_key_file: 'oidc.pem', decryption_key_file: 'decrypt.pem' },
        saml: {
          kind: 'saml',
          metadata_file: 'm.xml',
          idp_certificates: ['a', '/b'],
          key_file: 'k',
          certificate_file: 'c',
        },
        apple: { kind: 'apple', key_file: 'AuthKey.p8', key_id: 'key' },
      },
    }
    const at = (name: string) => `/etc/gatehouse/${name}`
    expect(absolute(content)).toEqual({
      issuer: 'https://auth.example.com',
      database: at('data/gatehouse.db'),
      master_key_file: at('master.key'),
      pid_file: '/run/gatehouse.pid',
      tls: { cert: at('tls.pem'), key: at('tls.key') },
      client_certificates: { authorities: '/etc/authorities.pem', header: 'x-cert' },
      passwords: { breached: { file: at('breached') } },
      brand: {
        ...{ name: 'Shop', logo: at('logo.svg'), css: at('style.css') },
        ...{ messages: at('messages'), templates: at('templates') },
      },
      services: {
        orders: {
          upstream: 'https://orders',
          upstream_tls: { ca: at('ca.pem'), cert: at('cert.pem'), key: at('key.pem'), server_name: 'orders' },
          routes: [{ path: '/orders', require: 'token' }],
        },
      },
      providers: {
        ldap: { kind: 'ldap', ca_file: at('ldap.pem') },
        old: { kind: 'module', file: at('old.mjs'), settings: { file: 'theirs' } },
        oidc: { kind: 'oidc', private_key_file: at('oidc.pem'), decryption_key_file: at('decrypt.pem') },
        saml: {
          ...{ kind: 'saml', metadata_file: at('m.xml'), idp_certificates: [at('a'), '/b'] },
          ...{ key_file: at('k'), certificate_file: at('c') },
        },
        apple: { kind: 'apple', key_file: at('AuthKey.p8'), key_id: 'key' },
      },
    })
  })

  it('that a variable sets count from the working directory', () => {
    expect(absolute({ database: 'here.db', pid_file: 'there.pid' }, ['database'])).toEqual({
      database: resolve('here.db'),
      pid_file: '/etc/gatehouse/there.pid',
    })
  })

  it('are none where the database is an address', () => {
    for (const database of ['postgres://gh@127.0.0.1/gh', ':memory:'])
      expect(absolute({ database })).toEqual({ database })
  })
})
