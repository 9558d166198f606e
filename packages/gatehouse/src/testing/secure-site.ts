import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addUser } from '@gatehouse/auth/domain/users'
import { buildCertificate } from '@gatehouse/auth/testing/certificates'
import { goodPassword } from '@gatehouse/auth/testing/start-auth'
import { ManualClock } from '@gatehouse/core/time'
import { openStore } from '@gatehouse/store/store'
import { compose, type Program } from '../compose.ts'
import { checkConfiguration } from '../configuration/load.ts'
import { readConfigurationText } from '../configuration/read-file.ts'
import { createLog } from '../telemetry/log.ts'

/** A whole program that listens with TLS. */
export interface SecureSite {
  readonly program: Program
  readonly port: number
  close(): Promise<void>
}

/** Starts it, as the issuer https://auth.test; alice may read orders. `services` and what follows them are YAML; `tls` goes beside `cert` and `key`. */
export async function startSecureSite(services: string, tls = ''): Promise<SecureSite> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-secure-'))
  const { cert, key } = buildCertificate({ subject: [['CN', 'auth.test']] })
  writeFileSync(join(folder, 'cert'), cert)
  writeFileSync(join(folder, 'key'), key)
  const text = `
issuer: https://auth.test
listen: 127.0.0.1:0
database: ${join(folder, 'unused.db')}
master_key: ${randomBytes(32).toString('base64')}
tls: { cert: ${join(folder, 'cert')}, key: ${join(folder, 'key')}${tls} }
services:
${services}
`
  const read = readConfigurationText(text, 'gatehouse.yaml', {})
  const configuration = checkConfiguration(read, { development: false, environment: {} })
  const { masterKey, routes } = configuration
  if (!masterKey || !routes) throw new Error('the configuration is incomplete')
  const clock = new ManualClock(Math.floor(Date.now() / 1000))
  const store = await openStore({ url: ':memory:', clock })
  await store.migrate()
  const program = await compose({
    ...{ configuration: { ...configuration, masterKey, routes }, store, clock, isPrimary: true },
    log: createLog({ level: 'silent', development: false }),
    hintSiblings: async () => {},
  })
  const { passwords, revocations } = program.auth
  await addUser(
    { store, clock, passwords, revocations },
    { username: 'alice', password: goodPassword, roles: [], scopes: ['orders:read'], minimumPasswordLength: 15 },
    { actor: 'test' },
  )
  await new Promise<void>((resolve) => program.server.listen(0, '127.0.0.1', resolve))
  return {
    program,
    port: (program.server.address() as AddressInfo).port,
    async close() {
      program.server.close().closeAllConnections()
      await program.close()
      rmSync(folder, { recursive: true })
    },
  }
}
