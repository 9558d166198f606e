import { seconds } from '@gatehouse/core/time'
import type { MembershipOfUser } from '@gatehouse/store/tables/memberships'
import { afterEach, describe, expect, it } from 'vitest'
import { type OrganisationSite, startOrganisations, testRoleScopes } from '../testing/organisations.ts'
import { claimsOf } from '../testing/start-auth.ts'
import { asItStands, effectiveAccess, type RoleScopes, standingOf } from './effective-access.ts'
import { addUser } from './users.ts'

const roleScopes = new Map([
  ['clerk', new Set(['orders:read', 'orders:write'])],
  ['boss', new Set(['orders:write', 'payroll'])],
])
const rules = { scopes: roleScopes, needFactor: ['boss'] }
const user = { scopes: 'orders:read own', roles: 'clerk' }

describe('what somebody may do', () => {
  it('is what they have themselves and what their roles bring', () => {
    const access = effectiveAccess(user, undefined, rules)
    expect([...access.scopes]).toEqual(['orders:read', 'own', 'orders:write'])
    expect(access.roles).toBe('clerk')
    expect([...effectiveAccess({ scopes: '', roles: 'unknown' }, undefined, rules).scopes]).toEqual([])
  })

  it('keeps beside a grant what rests on roles alone', () => {
    const access = effectiveAccess(user, undefined, rules)
    expect(standingOf(access, 'openid own orders:read orders:write')).toEqual({
      ...{ roles: 'clerk', role_scope: 'orders:write', organisation_id: null, membership_version: null },
    })
  })

  it('says whether a role needs a second factor, whoever it is from', () => {
    const membership = { roles: 'boss' } as MembershipOfUser // what is read of it
    expect(effectiveAccess(user, undefined, rules).needsFactor).toBe(false)
    expect(effectiveAccess(user, membership, rules).needsFactor).toBe(true)
    expect(effectiveAccess({ scopes: '', roles: 'boss' }, undefined, rules).needsFactor).toBe(true)
  })

  it('is less once a role brings less, and never more', () => {
    const roles = { roles: 'clerk boss', role_scope: 'orders:write payroll', acr: '2' }
    const grant = { scope: 'openid own orders:write payroll', ...roles }
    const scopeBy = (scopes: RoleScopes, of = grant): string => asItStands(of, { scopes, needFactor: [] }).scope
    expect(asItStands(grant, rules)).toBe(grant)
    const less = new Map([['clerk', new Set(['orders:write', 'more'])]])
    expect(scopeBy(less)).toBe('openid own orders:write')
    expect(scopeBy(less, { ...grant, role_scope: '' })).toBe(grant.scope)
    expect(scopeBy(new Map())).toBe('openid own')
  })

  it('is without the roles that need a second factor where only one was proven, and without what they alone bring', () => {
    const grant = {
      scope: 'own orders:write payroll',
      roles: 'clerk boss',
      role_scope: 'orders:write payroll',
      acr: '1',
    }
    expect(asItStands(grant, rules)).toEqual({ ...grant, roles: 'clerk', scope: 'own orders:write' })
    expect(asItStands(grant, { ...rules, needFactor: [] })).toBe(grant)
    expect(asItStands({ ...grant, roles: 'boss', role_scope: '' }, rules)).toMatchObject({
      roles: '',
      scope: grant.scope,
    })
  })
})

describe('a role that is cut down in the configuration', () => {
  let site: OrganisationSite
  afterEach(() => site.started.close())

  it('is cut down at the next refresh for those who are signed in, wherever they have it', async () => {
    site = await startOrganisations()
    await site.addOrganisation('acme', { carol: 'clerk auditor' })
    const { started } = site
    const page = await site.authorize(await site.browserOf('carol'))
    const first = (await site.exchange(page)).body
    expect(first.scope).toBe('openid offline_access orders:read audit:read')
    const api = (await site.login('carol')).body
    expect(api.scope).toBe('orders:read audit:read')
    const cut = new Map([...testRoleScopes, ['clerk', new Set<string>()]])
    started.auth.replaceSettings({ ...started.settings, roleScopes: cut })
    started.clock.advance(100)
    const refreshed = (await site.refresh(first.refresh_token)).body
    expect(refreshed.scope).toBe('openid offline_access audit:read')
    const asked = await site.refresh(refreshed.refresh_token, { scope: 'orders:read' })
    expect(asked.body.error).toBe('invalid_scope')
    const again = await started.postJson('/token/refresh', { refresh_token: api.refresh_token })
    expect(((await again.json()) as { scope: string }).scope).toBe('audit:read')
    started.auth.replaceSettings(started.settings)
    expect((await site.refresh(refreshed.refresh_token)).body.scope).toBe(first.scope)
  })

  it('leaves what the user has without it', async () => {
    site = await startOrganisations()
    const { store, clock, auth, settings, signIn } = site.started
    await addUser(
      { store, clock, passwords: auth.passwords, revocations: auth.revocations },
      {
        ...{ username: 'frank', password: 'correct horse battery', minimumPasswordLength: 15 },
        ...{ scopes: ['orders:read'], roles: ['clerk', 'auditor'] },
      },
      { actor: 'test' },
    )
    const { refresh_token } = await signIn({ username: 'frank' })
    auth.replaceSettings({ ...settings, roleScopes: new Map() })
    const answer = await site.started.postJson('/token/refresh', { refresh_token })
    const { access_token } = (await answer.json()) as { access_token: string }
    expect(claimsOf(access_token)).toMatchObject({ scope: 'orders:read', roles: ['clerk', 'auditor'] })
  })
})

describe('a role that must have a second factor', () => {
  let site: OrganisationSite
  afterEach(() => site.started.close())

  it('must also where it is had in an organisation alone', async () => {
    const secondFactor = { requiredForRoles: ['admin'], rememberFor: seconds(0) }
    site = await startOrganisations({ settings: { secondFactor } })
    await site.addOrganisation('acme', { carol: 'admin', dave: 'clerk' })
    expect((await site.login('carol')).body.error).toBe('mfa_required')
    expect((await site.login('dave')).status).toBe(200)
  })
})
