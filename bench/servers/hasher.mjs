// The limit of sign-ins: argon2id alone, with the parameters and the library of Gatehouse, as many at a time as there are
// cores. Argument: seconds. Writes one line of JSON.
import { availableParallelism } from 'node:os'
import { hash, verify } from '@node-rs/argon2'

const seconds = Number(process.argv[2])
const password = 'correct horse battery staple'
const stored = await hash(password, { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 })
let requests = 0
const startedAt = performance.now()
const before = process.cpuUsage()

async function verifyAgainAndAgain() {
  while (performance.now() - startedAt < seconds * 1000) {
    await verify(stored, password)
    requests += 1
  }
}
await Promise.all(Array.from({ length: availableParallelism() }, verifyAgainAndAgain))
const { user, system } = process.cpuUsage(before)
const passed = (performance.now() - startedAt) / 1000
process.stdout.write(`${JSON.stringify({ requests, seconds: passed, failed: 0, processor: user + system })}\n`)
