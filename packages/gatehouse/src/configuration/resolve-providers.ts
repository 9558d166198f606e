import type { MappingTexts } from '@gatehouse/auth/federation/mapping'
import type { KindDefinition, ProviderSettings } from '@gatehouse/auth/federation/provider-settings'
import { duration } from './duration.ts'
import { loadMappingCompiler, resolveMapping } from './mapping-compiler.ts'
import type { Report } from './problem.ts'
import { resolveLdap } from './providers/ldap.ts'
import { resolveModule } from './providers/module.ts'
import { resolveOAuth2 } from './providers/oauth2.ts'
import { resolveOidc } from './providers/oidc.ts'
import { isPreset, resolvePreset } from './providers/presets.ts'
import type { ProviderContext } from './providers/provider-kind.ts'
import { loadSamlReader, resolveSaml } from './providers/saml.ts'
import { resolveWebhook } from './providers/webhook.ts'
import type { ConfigurationFile } from './schema.ts'
import type { ProviderSection } from './schema-providers.ts'

interface Context {
  readonly development: boolean
  readonly report: Report
}

/** Loads what {@link resolveProviders} needs for these sections, as they stand in the file: a start without need not wait for it. */
export async function loadForProviders(sections: unknown): Promise<void> {
  await loadMappingCompiler()
  const kinds = Object.values(sections ?? {}).map((section) => (section as { readonly kind?: unknown } | null)?.kind)
  // A variable may name the kind that the file does not.
  if (kinds.some((kind) => kind === 'saml' || typeof kind !== 'string')) await loadSamlReader()
}

/** Outside providers, in the order of the file; reports what cannot be meant. */
export function resolveProviders(
  { providers = {}, sign_up }: ConfigurationFile,
  context: Context,
): readonly ProviderSettings[] {
  const domains = new Map<string, string>()
  return Object.entries(providers).map(([name, section]) => {
    const report: Report = (path, message) => context.report(['providers', name, ...path], message)
    checkDomains(section.domains ?? [], { name, domains, report })
    const { definition, doors, title, mapping } = resolveKind(section, { ...context, name, report })
    const recheckEvery = duration(section.recheck_every, 300, {
      ...{ least: 0, most: 86_400, key: ['recheck_every'], report },
    })
    const isShadow = 'shadow' in section && section.shadow === true
    const tokenScope = 'token_scope' in section ? section.token_scope : undefined
    if (tokenScope !== undefined && !('keep_tokens' in section && section.keep_tokens)) {
      report(['token_scope'], 'counts with `keep_tokens: true` alone')
    }
    if (section.trust_email && section.organisations?.length && !section.domains?.length) {
      report(
        ['trust_email'],
        'needs `domains`: a provider of some organisations would be believed about the people of all',
      )
    }
    if (isShadow && !doors.check) report(['shadow'], 'counts for a provider that checks names and passwords')
    return {
      name,
      title: section.title ?? title ?? name,
      hasButton: doors.redirect && (section.button ?? true),
      domains: (section.domains ?? []).map((domain) => domain.toLowerCase()),
      organisations: section.organisations ?? [],
      createsAccounts: section.create_accounts ?? true,
      scopes: section.scopes ?? sign_up?.scopes ?? [],
      trustsEmail: section.trust_email ?? false,
      trustsSecondFactor: section.trust_second_factor ?? false,
      mapping: resolveMapping({ ...mapping, ...section.mapping }, report),
      recheckEvery,
      recheckWithin: duration(section.recheck_within, Math.max(14_400, recheckEvery), {
        ...{ least: recheckEvery, most: 2_592_000, key: ['recheck_within'], report },
      }),
      singleLogout: section.single_logout ?? false,
      isPrivate: section.private_network ?? false,
      tokenScope,
      isShadow,
      doors,
      definition,
    }
  })
}

/** What a kind makes of a section. */
interface ResolvedKind {
  readonly definition: KindDefinition
  readonly doors: ProviderSettings['doors']
  readonly title?: string
  readonly mapping?: MappingTexts
}

const sendsPeople = { redirect: true, check: false }
const asksHere = { redirect: false, check: true }

function resolveKind(section: ProviderSection, context: ProviderContext): ResolvedKind {
  if (isPreset(section)) {
    const { title, mapping, ...definition } = resolvePreset(section, context)
    return { definition, doors: sendsPeople, title, mapping }
  }
  switch (section.kind) {
    case 'oidc':
      return { definition: { kind: 'oidc', settings: resolveOidc(section, context) }, doors: sendsPeople }
    case 'oauth2': {
      const settings = resolveOAuth2(section, context)
      // Whoever hands its passwords over sends nobody anywhere.
      return { definition: { kind: 'oauth2', settings }, doors: settings.passwordGrant ? asksHere : sendsPeople }
    }
    case 'saml':
      return { definition: { kind: 'saml', settings: resolveSaml(section, context) }, doors: sendsPeople }
    case 'ldap':
      return { definition: { kind: 'ldap', settings: resolveLdap(section, context) }, doors: asksHere }
    case 'webhook':
      return { definition: { kind: 'webhook', settings: resolveWebhook(section, context) }, doors: asksHere }
    case 'module':
      return {
        definition: { kind: 'module', settings: resolveModule(section, context) },
        doors: section.redirects ? sendsPeople : asksHere,
      }
  }
}

/** Each domain has one provider: otherwise nobody could say where its people are sent. */
function checkDomains(
  listed: readonly string[],
  { name, domains, report }: { readonly name: string; readonly domains: Map<string, string>; readonly report: Report },
): void {
  for (const [index, written] of listed.entries()) {
    const domain = written.toLowerCase()
    if (!/^([a-z0-9-]+\.)+[a-z0-9-]+$/.test(domain)) report(['domains', index], 'expected a domain such as example.com')
    const other = domains.get(domain)
    if (other !== undefined && other !== name) report(['domains', index], `is that of the provider ${other} already`)
    domains.set(domain, name)
  }
}
