import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { UpstreamTls } from '@gatehouse/gateway/forward/upstream-options'

type FileKey = 'ca' | 'cert' | 'key'

/** Reads the files by which connections to upstreams are proven, and reports those that could not be used. */
export function readUpstreamTls(
  entry: { readonly [key in FileKey | 'server_name']?: string },
  report: (key: FileKey, message: string) => void,
): UpstreamTls {
  const texts: { [key in FileKey]?: string } = {}
  for (const name of ['ca', 'cert', 'key'] as const) {
    const path = entry[name]
    if (path === undefined) continue
    try {
      texts[name] = readFileSync(path, 'utf8')
    } catch {
      report(name, `${path} cannot be read`)
    }
  }
  const { ca, cert, key } = texts
  const isPem = ca === undefined || ca.includes('-----BEGIN CERTIFICATE-----')
  const ofCa = ca === undefined ? undefined : isPem ? findFault({ ca }) : 'expected PEM certificates'
  if (ofCa !== undefined) report('ca', ofCa)
  const ofCert = cert === undefined || key === undefined ? undefined : findFault({ cert, key })
  if (ofCert !== undefined) report('cert', ofCert)
  return { ...texts, serverName: entry.server_name }
}

function findFault(files: Parameters<typeof createSecureContext>[0]): string | undefined {
  try {
    createSecureContext(files)
    return undefined
  } catch (error) {
    return `OpenSSL does not take it: ${error instanceof Error ? error.message : 'unknown'}`
  }
}
