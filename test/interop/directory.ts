import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePort } from '../flows/running-program.ts'

/** Where everything of the directory is. */
export const baseDn = 'dc=example,dc=org'
/** Who may search it. */
export const searchUser = { dn: `cn=search,${baseDn}`, password: 'search-secret' }
/** Who may change it. */
const admin = { dn: `cn=admin,${baseDn}`, password: 'admin-secret' }

const environment = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }

/** An OpenLDAP server of one's own, with people and groups. */
export interface Directory {
  readonly port: number
  readonly securePort: number
  /** PEM of the authority of its certificate, and of one that has nothing to do with it. */
  readonly authority: string
  readonly otherAuthority: string
  readonly authorityFile: string
  readonly process: ChildProcess
  /** Changes entries, by LDIF. */
  change(ldif: string): void
  /** Takes the server away, and brings it back. */
  stop(): Promise<void>
  start(): Promise<void>
  remove(): Promise<void>
}

const configurationFor = (folder: string): string => `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
# Attributes of Active Directory, compared as it does.
attributetype ( 1.3.6.1.4.1.4203.666.1.901 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.4203.666.1.902 NAME 'userPrincipalName' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.4203.666.1.903 NAME 'objectGUID' EQUALITY octetStringMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.4203.666.1.904 NAME 'userAccountControl' EQUALITY integerMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile ${folder}/slapd.pid
TLSCertificateFile ${folder}/server.pem
TLSCertificateKeyFile ${folder}/server.key
# As some servers do: a name with an empty password is let in as nobody.
allow bind_anon_dn bind_anon_cred
sizelimit 500
database mdb
suffix ${baseDn}
rootdn ${admin.dn}
rootpw ${admin.password}
directory ${folder}/data
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="${searchUser.dn}" read by * none
`

const person = (dn: string, lines: string): string => `dn: ${dn}\nobjectClass: inetOrgPerson\n${lines.trim()}\n\n`

const entries = `dn: ${baseDn}
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ${searchUser.dn}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: search
userPassword: ${searchUser.password}

dn: ou=people,${baseDn}
objectClass: organizationalUnit
ou: people

dn: ou=groups,${baseDn}
objectClass: organizationalUnit
ou: groups

${person(
  `uid=alice,ou=people,${baseDn}`,
  `
uid: alice
cn: Alice Example
sn: Example
givenName: Alice
mail: alice@example.org
mail: a.example@example.org
telephoneNumber: +49 30 123
userPassword: alice-secret`,
)}${person(
  `uid=bob,ou=people,${baseDn}`,
  `
uid: bob
cn: Bob
sn: Example
mail: bob@example.org
userPassword: bob-secret`,
)}${person(
  `cn=Weird\\, \\"Name\\" \\+ \\#1,ou=people,${baseDn}`,
  `
uid: wei*rd(1)\\2a
cn: Weird, "Name" + #1
sn: Weird
userPassword: weird-secret`,
)}${person(
  `uid=zoë,ou=people,${baseDn}`,
  `
uid: zoë
cn: Zoë
sn: Ünïcode
userPassword: zoë-geheim`,
)}${person(
  `uid=twin,ou=people,${baseDn}`,
  `
uid: twin
cn: Twin
sn: One
userPassword: twin-secret`,
)}${person(
  `uid=other,ou=people,${baseDn}`,
  `
uid: other
cn: Other
sn: Two
mail: twin
userPassword: twin-secret`,
)}dn: cn=ad,ou=people,${baseDn}
objectClass: inetOrgPerson
objectClass: extensibleObject
cn: ad
sn: Directory
sAMAccountName: ad
objectGUID:: AAECAwQFBgcICQoLDA0O/w==
userAccountControl: 512
userPassword: ad-secret

dn: cn=clerks,ou=groups,${baseDn}
objectClass: groupOfNames
cn: clerks
member: uid=alice,ou=people,${baseDn}
member: cn=Weird\\, \\"Name\\" \\+ \\#1,ou=people,${baseDn}

dn: cn=admins,ou=groups,${baseDn}
objectClass: groupOfNames
cn: admins
member: uid=alice,ou=people,${baseDn}

dn: cn=staff,ou=groups,${baseDn}
objectClass: posixGroup
cn: staff
gidNumber: 100
memberUid: bob
`

function openssl(folder: string, ...args: readonly string[]): void {
  execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
}

/** An authority, and a certificate of it for this machine. */
function makeCertificates(folder: string): void {
  for (const name of ['authority', 'other']) {
    openssl(
      folder,
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '90',
      '-subj',
      `/CN=Test ${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
    )
  }
  writeFileSync(join(folder, 'names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
  openssl(
    folder,
    'req',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-subj',
    '/CN=localhost',
    '-keyout',
    'server.key',
    '-out',
    'server.csr',
  )
  openssl(
    folder,
    'x509',
    '-req',
    '-in',
    'server.csr',
    '-CA',
    'authority.pem',
    '-CAkey',
    'authority.key',
    '-days',
    '60',
    '-extfile',
    'names',
    '-out',
    'server.pem',
  )
}

/** Starts a directory in a folder of its own, on ports that are free. */
export async function startDirectory(): Promise<Directory> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-slapd-'))
  mkdirSync(join(folder, 'data'))
  makeCertificates(folder)
  const configuration = join(folder, 'slapd.conf')
  writeFileSync(configuration, configurationFor(folder))
  execFileSync('slapadd', ['-q', '-f', configuration], { input: entries, env: environment, stdio: 'pipe' })
  const port = await findFreePort()
  const securePort = await findFreePort()
  let slapd: ChildProcess

  async function start(): Promise<void> {
    const urls = `ldap://127.0.0.1:${port} ldaps://127.0.0.1:${securePort}`
    slapd = spawn('slapd', ['-d', '0', '-f', configuration, '-h', urls], { env: environment, stdio: 'ignore' })
    for (let tries = 0; tries < 100; tries += 1) {
      const socket = connect(port, '127.0.0.1')
      const isUp = await new Promise((resolve) => {
        socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
      })
      socket.destroy()
      if (isUp) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error('slapd did not start')
  }
  async function stop(): Promise<void> {
    if (slapd.exitCode !== null || slapd.signalCode !== null) return
    slapd.kill('SIGCONT')
    slapd.kill()
    await once(slapd, 'exit')
  }
  await start()
  return {
    ...{ port, securePort, start, stop },
    get process() {
      return slapd
    },
    authority: readFileSync(join(folder, 'authority.pem'), 'utf8'),
    otherAuthority: readFileSync(join(folder, 'other.pem'), 'utf8'),
    authorityFile: join(folder, 'authority.pem'),
    change(ldif) {
      const args = ['-x', '-H', `ldap://127.0.0.1:${port}`, '-D', admin.dn, '-w', admin.password]
      execFileSync('ldapmodify', args, { input: ldif, env: environment, stdio: 'pipe' })
    },
    async remove() {
      await stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
