import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findFreePort, run, startServer } from '../processes.mjs'

const env = { PATH: `${process.env.PATH}:/usr/sbin:/sbin` }
/** Where everything is. */
export const baseDn = 'dc=example,dc=org'
/** Who may search. */
export const searchUser = { dn: `cn=search,${baseDn}`, password: 'search-secret' }
/** How many people there are, by the names user-0, user-1, …, with the password of their name. */
export const people = 1000

const person = (_, index) => `dn: uid=user-${index},ou=people,${baseDn}
objectClass: inetOrgPerson
uid: user-${index}
cn: User ${index}
sn: User
mail: user-${index}@example.org
userPassword: user-${index}
`

/** OpenLDAP with people in it. @param {string} folder that is there @returns {Promise<import('../processes.mjs').Running & { port: number }>} */
export async function startSlapd(folder) {
  const configuration = join(folder, 'slapd.conf')
  mkdirSync(join(folder, 'data'))
  writeFileSync(
    configuration,
    `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix ${baseDn}
directory ${folder}/data
index objectClass,uid,mail eq
access to attrs=userPassword by anonymous auth
access to * by dn.exact="${searchUser.dn}" read
`,
  )
  const entries = [
    `dn: ${baseDn}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Example\n`,
    `dn: ${searchUser.dn}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: search\nuserPassword: ${searchUser.password}\n`,
    `dn: ou=people,${baseDn}\nobjectClass: organizationalUnit\nou: people\n`,
    ...Array.from({ length: people }, person),
  ]
  await run('slapadd', ['-q', '-f', configuration], { env, input: entries.join('\n') })
  const port = await findFreePort()
  return startServer(port, 'slapd', ['-d', '0', '-f', configuration, '-h', `ldap://127.0.0.1:${port}`], { env })
}
