// Signs people in at a directory as quickly as it answers, several at a time. Arguments: port, seconds, and the bundle of
// Gatehouse's provider, or nothing for ldapts by itself. Writes one line of JSON.
import { Client, EqualityFilter } from 'ldapts'
import { baseDn, people, searchUser } from '../servers/slapd.mjs'

const [port, seconds, bundle] = process.argv.slice(2)
const atATime = 8

/** What an application does by itself: connections that are kept, one to search on and one to try passwords on. */
function openBare() {
  const url = `ldap://127.0.0.1:${port}`
  const [search, bind] = [new Client({ url }), new Client({ url })]
  let isIn = false
  return async (name) => {
    if (!isIn) await search.bind(searchUser.dn, searchUser.password)
    isIn = true
    const filter = new EqualityFilter({ attribute: 'uid', value: name })
    const { searchEntries } = await search.search(baseDn, { scope: 'sub', filter, sizeLimit: 2 })
    await bind.bind(searchEntries[0].dn, name)
    return searchEntries[0].uid === name
  }
}

async function openProvider() {
  const { createLdapProvider } = await import(bundle)
  const clock = { now: () => Math.floor(Date.now() / 1000), milliseconds: () => Date.now() }
  const provider = createLdapProvider(
    { name: 'bench', issuer: 'https://auth.example.com', clock },
    {
      servers: [{ host: '127.0.0.1', port: Number(port), security: 'none' }],
      ...{
        searchUser,
        baseDn,
        userFilter: '(uid={username})',
        subjectAttribute: 'entryUUID',
        usernameAttribute: 'uid',
      },
      ...{ attributes: [], poolSize: atATime },
    },
  )
  return async (name) => {
    const found = await provider.check({ username: name, password: name, address: '127.0.0.1' })
    return found?.claims.preferred_username === name
  }
}

const provider = bundle === undefined ? undefined : await openProvider()
const signIns = Array.from({ length: atATime }, () => provider ?? openBare())
let next = 0

/** @param {number} milliseconds */
async function runFor(milliseconds) {
  const startedAt = performance.now()
  let requests = 0
  let failed = 0
  await Promise.all(
    signIns.map(async (signIn) => {
      while (performance.now() - startedAt < milliseconds) {
        next += 1
        requests += 1
        if (!(await signIn(`user-${next % people}`))) failed += 1
      }
    }),
  )
  return { requests, failed, closed: 0, seconds: (performance.now() - startedAt) / 1000 }
}

await runFor(1000)
process.stdout.write(`${JSON.stringify(await runFor(Number(seconds) * 1000))}\n`)
process.exit()
