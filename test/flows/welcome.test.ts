import { execFile } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createSite, type Running, type Site } from './running-program.ts'

let site: Site
let service: Server
afterEach(async () => {
  await site.remove()
  service.close()
})

/** Starts development mode with these services, `upstream` filled in. */
async function start(services: string, environment: Record<string, string> = {}): Promise<string> {
  service = createServer((_, response) => response.end('from the service\n'))
  await new Promise<void>((done) => service.listen(0, '127.0.0.1', done))
  site = await createSite()
  const { port } = service.address() as AddressInfo
  const filled = services.replaceAll('UPSTREAM', `upstream: http://127.0.0.1:${port}`)
  site.configure(`issuer: http://localhost:${site.port}\nlisten: 127.0.0.1:${site.port}\n${filled}`)
  const running: Running = await site.start(['dev'], environment)
  return running.output()
}

/** Pastes every command. */
const paste = (welcome: string): Promise<string> => {
  const commands = welcome.split('\n').filter((line) => /^ {2}[^#]/.test(line))
  return new Promise((done, fail) => {
    const options = { cwd: site.folder, env: { PATH: process.env.PATH } }
    execFile('bash', ['-c', commands.join('\n')], options, (error, stdout, stderr) =>
      error && error.code === undefined ? fail(error) : done(stdout + stderr),
    )
  })
}

describe('what development mode tells', () => {
  it('are commands that work, with the routes that there are, wherever the database is', async () => {
    const welcome = await start(
      `services:
  bills:
    UPSTREAM
    routes:
      - { path: /bills/open, require: { scopes: [bills:read] } }
      - { path: '/bills/{id}/lines/**', methods: [GET], require: { scopes: [orders:read] } }
      - { path: /bills/**, methods: [POST], require: signed-in, observe: { roles: [boss] } }
  desk:
    UPSTREAM
    session: cookie
    routes:
      - { path: /desk/**, require: signed-in }
`,
      { GATEHOUSE_DATABASE: './own folder/own.db' },
    )
    expect(welcome).toContain(`http://localhost:${site.port}/desk: an app`)
    expect(welcome).toContain('on trial (observe) for POST /bills:')
    expect(welcome).not.toMatch(/orders -|\/shop|lacks/)
    const output = await paste(welcome)
    expect(output).toContain('from the service')
    expect(output).toMatch(/"valid":true/)
    expect(output).toMatch(/HTTP\/1.1 204[\s\S]*HTTP\/1.1 401/)
    expect(output).toMatch(/\/bills\/1\/lines[\s\S]*revoked/)
    expect(output).toMatch(/bob[\s\S]*\/bills/)
    expect(output).not.toMatch(/no such file|is not there|nothing is kept/)
  })

  it('says what alice lacks where every route asks for more, and nothing of routes where there are none', async () => {
    const welcome = await start(
      'services: { a: { UPSTREAM, routes: [{ path: /a, require: { scopes: [a:b], roles: [r] } }] } }\n',
    )
    expect(welcome).toContain('403, since alice lacks the scope a:b and the role r')
    await site.remove()
    service.close()
    expect(await start('services: {}\n')).toContain('No route asks for a token yet')
  })
})
