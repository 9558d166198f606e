import { expect, it } from 'vitest'
import { isDenial } from './denial.ts'
import { tableFor } from './fixtures/gateway-server.ts'
import { findRoute } from './match.ts'

const table = tableFor([
  {
    name: 's',
    audience: 's',
    upstream: ['http://s.test'],
    routes: [
      { path: '/admin/users', require: { roles: ['boss'] } },
      { path: '/reports/{id}/Raw', require: 'signed-in' },
      { path: '/both', require: 'signed-in' },
      { path: '/Both', require: 'signed-in' },
      { path: '/slashed', require: 'signed-in' },
      { path: '/slashed/', require: 'token' },
      { path: '/free', require: 'nothing' },
      { path: '/inside', require: { caller: 'nothing', addresses: ['10.0.0.0/8'] } },
      { path: '/caf\u00e9', require: 'signed-in' },
      { path: '/site/admin/', require: { roles: ['boss'] } },
      { path: '/site/{team}/keys/', require: { roles: ['boss'] } },
      { path: '/site/Public/logo', require: 'nothing' },
      { path: '/site/public/users', require: { roles: ['boss'] } },
      { path: '/site/Wide/**', require: 'nothing' },
      { path: '/site/wide/secret', require: { roles: ['boss'] } },
      { path: '/site/Twins/{id}', require: 'nothing' },
      { path: '/site/twins/**', require: { roles: ['boss'] } },
      { path: '/index', require: 'nothing' },
      { path: '/index/**', require: { roles: ['boss'] } },
      { path: '/site/open/', require: 'nothing' },
      { path: '/orders/**', require: { scopes: ['orders:read'] } },
      { path: '/**', require: 'nothing' },
    ],
  },
])
const decide = (path: string): string => {
  const route = findRoute(table, { host: 'auth.test', path, method: 'GET' })
  return isDenial(route) ? route.code : route.name.slice(2)
}

it.each([
  ['/admin/users', '/admin/users'],
  ['/ADMIN/users', 'not_found'],
  ['/admin/Users', 'not_found'],
  ['/admin/users/', 'not_found'],
  ['/Admin/USERS/', 'not_found'],
  ['/reports/7/Raw', '/reports/{id}/Raw'],
  ['/reports/7/raw', 'not_found'],
  ['/reports/A/RAW', 'not_found'],
  ['/reports/A/Raw/', 'not_found'],
  ['/both', '/both'],
  ['/Both', '/Both'],
  ['/BOTH', 'not_found'],
  ['/slashed/', '/slashed/'],
  ['/free/', '/**'],
  ['/FREE', '/**'],
  ['/INSIDE', 'not_found'],
  ['/CAF%C3%89', 'not_found'],
  ['/caf%C3%A9', '/caf\u00e9'],
  ['/orders/', '/orders/**'],
  ['/orders/ABC/', '/orders/**'],
  ['/ORDERS', 'not_found'],
  ['/', '/**'],
  ['/site/admin/', '/site/admin/'],
  ['/site/admin', 'not_found'],
  ['/site/Admin', 'not_found'],
  ['/site/ADMIN/', 'not_found'],
  ['/site/x/keys/', '/site/{team}/keys/'],
  ['/site/x/keys', 'not_found'],
  ['/site/x/KEYS', 'not_found'],
  ['/site/Public/logo', '/site/Public/logo'],
  ['/site/public/users', '/site/public/users'],
  ['/site/Public/users', 'not_found'],
  ['/site/Public/users/', 'not_found'],
  ['/site/PUBLIC/users', 'not_found'],
  ['/site/Public/others', '/**'],
  ['/site/Wide/secret', 'not_found'],
  ['/site/Wide/others', '/site/Wide/**'],
  ['/site/Twins/7', '/site/Twins/{id}'],
  ['/site/TWINS/7/8', 'not_found'],
  ['/site/open', '/**'],
  ['/index', '/index'],
  ['/index/', '/index/**'],
  ['/INDEX/', 'not_found'],
  ['/INDEX', 'not_found'],
  ['/Anything/else/', '/**'],
])('decides on %s by %s', (path, decided) => {
  expect(decide(path)).toBe(decided)
})
