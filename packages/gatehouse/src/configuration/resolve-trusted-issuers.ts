import { type ClientKey, parseClientKeys } from '@gatehouse/auth/domain/client-keys'
import type { TrustedIssuer } from '@gatehouse/auth/domain/trusted-issuers'
import { jwtBearerGrantType } from '@gatehouse/auth/protocol/grants/jwt-bearer'
import { GatehouseError } from '@gatehouse/core/errors'
import { parseDuration, seconds } from '@gatehouse/core/time'
import type { Report } from './problem.ts'
import type { ConfigurationFile } from './schema.ts'

type IssuerEntry = NonNullable<ConfigurationFile['trusted_issuers']>[string]
type ReportKey = (key: readonly (string | number)[], message: string) => void

const hour = 3600
const day = 86_400

/** Turns the trusted issuers of a file into what assertions are checked by, and reports what cannot be meant. */
export function resolveTrustedIssuers(
  content: ConfigurationFile,
  { development, report }: { readonly development: boolean; readonly report: Report },
): readonly TrustedIssuer[] {
  const seen = new Set([content.issuer])
  return Object.entries(content.trusted_issuers ?? {}).map(([name, entry]) => {
    const reportKey: ReportKey = (key, message) => report(['trusted_issuers', name, ...key], message)
    if (seen.has(entry.issuer)) {
      const own = entry.issuer === content.issuer
      reportKey(['issuer'], own ? 'Gatehouse does not trust itself like this' : 'this issuer has two entries')
    }
    seen.add(entry.issuer)
    checkKeys(entry, development, reportKey)
    checkClients(entry, content, reportKey)
    return {
      id: name,
      issuer: entry.issuer,
      audience: entry.audience ?? content.issuer,
      keys: parseKeys(entry, reportKey),
      jwksUri: entry.jwks_uri,
      longestLifetime: longestLifetimeOf(entry, reportKey),
      reusable: entry.reusable ?? false,
      workloads: entry.clients.map(({ subject, claims = {}, client }) => ({ subject, claims, client })),
    }
  })
}

function checkKeys({ jwks, jwks_uri }: IssuerEntry, development: boolean, report: ReportKey): void {
  if ((jwks === undefined) === (jwks_uri === undefined)) report([], 'expected jwks_uri or jwks, and not both')
  if (jwks_uri === undefined) return
  const protocol = URL.canParse(jwks_uri) ? new URL(jwks_uri).protocol : undefined
  if (protocol !== 'https:' && !(development && protocol === 'http:')) report(['jwks_uri'], 'expected an https URL')
}

/** A workload that no client of the file stands for would be refused each time. */
function checkClients({ clients }: IssuerEntry, content: ConfigurationFile, report: ReportKey): void {
  for (const [index, { client }] of clients.entries()) {
    const entry = Object.hasOwn(content.clients ?? {}, client) ? content.clients?.[client] : undefined
    if (!entry) report(['clients', index, 'client'], 'there is no such client in clients')
    else if (!entry.grant_types?.includes(jwtBearerGrantType)) {
      report(['clients', index, 'client'], `this client needs ${jwtBearerGrantType} among its grant_types`)
    } else if (entry.profile === 'fapi2') {
      report(['clients', index, 'client'], 'a client of the profile fapi2 proves itself by its own keys')
    }
  }
}

function parseKeys({ jwks }: IssuerEntry, report: ReportKey): readonly ClientKey[] {
  try {
    return jwks ? parseClientKeys(jwks) : []
  } catch (error) {
    if (!(error instanceof GatehouseError)) throw error
    report(['jwks'], error.message)
    return []
  }
}

function longestLifetimeOf({ longest_lifetime }: IssuerEntry, report: ReportKey): TrustedIssuer['longestLifetime'] {
  const value = longest_lifetime === undefined ? seconds(hour) : parseDuration(longest_lifetime)
  if (value !== undefined && value >= 60 && value <= day) return value
  report(['longest_lifetime'], 'expected 60s to 24h')
  return seconds(hour)
}
