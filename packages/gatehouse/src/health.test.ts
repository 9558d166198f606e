import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { WriteTrouble } from '@gatehouse/store/write-watch'
import { afterEach, describe, expect, it } from 'vitest'
import { createHealth } from './health.ts'

let end: () => void = () => {}
afterEach(() => end())

/** What /readyz answers. */
async function ask(trouble: WriteTrouble | undefined, ping: () => Promise<void> = async () => {}): Promise<unknown> {
  const health = createHealth({ ping, revocationsCurrent: () => true, writeTrouble: () => trouble })
  const server = createServer((request, response) => health.answer(request, response, '/readyz'))
  end = () => server.close()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/readyz`)
  const said = [answer.status, await answer.json()]
  end()
  return said
}

describe('/readyz', () => {
  it('says that all is well', async () => {
    expect(await ask(undefined)).toEqual([200, { status: 'ready' }])
  })

  it('says that writes fail, and stays ready, since tokens are checked without any', async () => {
    const reason = 'the disk of the database is full'
    expect(await ask('full')).toEqual([200, { status: 'ready', writes: 'failing', reason }])
  })

  it('is not ready with a damaged database', async () => {
    expect(await ask('damaged')).toEqual([503, { status: 'not_ready', reason: 'the database is damaged' }])
  })

  it('tells a database that is locked from one that is away', async () => {
    const fail = () => Promise.reject(new Error('late'))
    expect(await ask(undefined, fail)).toEqual([503, { status: 'not_ready', reason: 'the database does not answer' }])
    const reason = 'the database is locked by another process'
    expect(await ask('locked', fail)).toEqual([503, { status: 'not_ready', reason }])
  })
})
