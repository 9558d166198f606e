import { randomUUID } from 'node:crypto'
import { bindSearchUser, tryPassword } from './ldap-bind.ts'
import { ConnectionLost, type Deadline, type LdapConnection } from './ldap-connection.ts'
import { LdapDirectory } from './ldap-directory.ts'
import { examineDirectory } from './ldap-examine.ts'
import { toProviderFailure } from './ldap-failure.ts'
import { LdapPool } from './ldap-pool.ts'
import { LdapServers } from './ldap-servers.ts'
import type { LdapSettings } from './ldap-settings.ts'
import type { Credentials, KnownIdentity, OutsideIdentity, Provider, ProviderParts, WrongPassword } from './provider.ts'
import { type FailureStage, ProviderFailure } from './provider-failure.ts'

/** For everything that one door does, in milliseconds. */
const limitMs = 4500
/** Longer names belong to nobody. */
const longestUsername = 256

/**
 * A directory that is asked over LDAP: somebody is searched by the name that they typed, and the password is tried as the
 * one entry that was found. Spec: RFC 4511, 4513 (simple bind), 4515.
 * Threats: filter injection (a name is a value of the filter's tree and never its text); a bind without a password, which
 * servers answer with yes (RFC 4513 section 5.1.2); two entries for a name; a referral to a stranger's server; a connection
 * that is somebody else by now (searches and passwords have connections of their own); names told by how long a no takes.
 */
export function createLdapProvider({ clock }: ProviderParts, settings: LdapSettings): Provider {
  const servers = new LdapServers({ ...settings, authorities: settings.authorities, clock })
  const { searchUser, poolSize } = settings
  const onSilent = ({ server }: LdapConnection): void => servers.rest(server)
  const searches = new LdapPool({
    open: (deadline) =>
      servers.connect(deadline, async (connection, soon) => {
        if (searchUser) await bindSearchUser(connection, searchUser, soon)
      }),
    size: poolSize,
    onSilent,
  })
  // On these nothing is ever asked: each bind leaves them to whoever it was for, and the next bind replaces that.
  const passwords = new LdapPool({
    open: (deadline) => servers.connect(deadline, async () => {}),
    size: poolSize,
    onSilent,
  })
  const directory = new LdapDirectory(settings, searches)

  return {
    check: ({ username, password }) => inTime('sign-in', (deadline) => check({ username, password }, deadline)),
    refresh: ({ subject }: KnownIdentity) =>
      inTime('refresh', (deadline) => directory.findBySubject(subject, deadline)),
    examine: () => examineDirectory(settings, clock),
    close() {
      searches.close()
      passwords.close()
    },
  }

  async function check(
    { username, password }: Pick<Credentials, 'username' | 'password'>,
    deadline: Deadline,
  ): Promise<OutsideIdentity | WrongPassword | undefined> {
    if (password === '' || username === '' || username.length > longestUsername) return undefined
    const entry = await atStage(unheardStage, directory.findByName(username, deadline))
    const dn = entry?.dn ?? `cn=${randomUUID()},${settings.baseDn}`
    let isSent = false
    const bound = passwords.run(deadline, (connection) => {
      isSent = true
      return tryPassword(connection, { dn, password }, deadline)
    })
    const isTheirs = await atStage((error) => (isSent ? heardStage(error) : unheardStage(error)), bound)
    if (entry && isTheirs) return atStage(acceptedStage, directory.describe(entry, deadline))
    return entry && { wrongFor: directory.keyOf(entry) }
  }
}

/** The stage of what fails before the password was sent: whoever is silent is away, and an answer is about the name alone. */
const unheardStage = (error: unknown): FailureStage => (isSilence(error) || isTurnedAway(error) ? 'unasked' : 'beside')
/** The stage of what fails with the password. */
const heardStage = (error: unknown): FailureStage =>
  error instanceof ConnectionLost && error.why === 'timeout' ? 'unanswered' : 'answered'
/** The stage of what fails once the password was accepted. */
const acceptedStage = (error: unknown): FailureStage => (isSilence(error) ? 'unasked' : 'beside')

const isSilence = (error: unknown): boolean =>
  error instanceof ConnectionLost && error.why !== 'endless' && error.why !== 'malformed'
const isTurnedAway = (error: unknown): boolean => error instanceof ProviderFailure && error.stage === 'unasked'

async function atStage<T>(stageOf: (error: unknown) => FailureStage, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    const failure = toProviderFailure(error, 'sign-in')
    throw failure.stage === 'crowded' ? failure : failure.at(stageOf(error))
  }
}

/** Runs what a door does, within the limit, so that nothing but {@link ProviderFailure} comes out of it. */
async function inTime<T>(what: string, work: (deadline: Deadline) => Promise<T>): Promise<T> {
  try {
    return await work(performance.now() + limitMs)
  } catch (error) {
    throw toProviderFailure(error, what)
  }
}
