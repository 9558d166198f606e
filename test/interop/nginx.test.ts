import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findFreePort, get, postForm } from '../flows/running-program.ts'
import { type DevelopmentSite, getDemoTokens, startDevelopmentSite } from './development-site.ts'

const isMissing = (process.env.GATEHOUSE_MISSING ?? '').includes('nginx')

/** nginx that asks userinfo about each request before it lets it through. */
const configurationFor = (parts: { listen: number; service: number; issuer: string; folder: string }): string => `
daemon off;
pid ${parts.folder}/nginx.pid;
error_log ${parts.folder}/error.log;
events {}
http {
  access_log off;
  client_body_temp_path ${parts.folder}/body;
  proxy_temp_path ${parts.folder}/proxy;
  fastcgi_temp_path ${parts.folder}/fastcgi;
  uwsgi_temp_path ${parts.folder}/uwsgi;
  scgi_temp_path ${parts.folder}/scgi;
  server {
    listen 127.0.0.1:${parts.listen};
    location / {
      auth_request /_auth;
      proxy_pass http://127.0.0.1:${parts.service};
    }
    location = /_auth {
      internal;
      proxy_pass ${parts.issuer}/oauth/userinfo;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header Host ${new URL(parts.issuer).host};
    }
  }
}
`

describe.skipIf(isMissing)('nginx with auth_request', () => {
  let started: DevelopmentSite
  let service: Server
  let nginx: ChildProcess
  let url: string

  beforeAll(async () => {
    started = await startDevelopmentSite()
    service = createServer((request, response) => response.end(`echo ${request.url}`))
    await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
    const listen = await findFreePort()
    const folder = join(started.site.folder, 'nginx')
    mkdirSync(folder)
    const file = join(folder, 'nginx.conf')
    const { port } = service.address() as AddressInfo
    writeFileSync(file, configurationFor({ listen, service: port, issuer: started.issuer, folder }))
    nginx = spawn('nginx', ['-c', file, '-p', folder], {
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
    })
    url = `http://127.0.0.1:${listen}`
    for (let tries = 0; tries < 100; tries += 1) {
      if (await get(url).catch(() => undefined)) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error('nginx did not start')
  })
  afterAll(async () => {
    nginx?.kill()
    service?.close()
    await started?.site.remove()
  })

  it('lets through who has a token, and nobody who has none, a changed one, or one that was revoked', async () => {
    const json = await getDemoTokens(started)
    const token = String(json.access_token)
    const bearer = { authorization: `Bearer ${token}` }
    const [head, body] = token.split('.')
    expect((await get(`${url}/x?y=1`)).status).toBe(401)
    expect((await get(`${url}/x?y=1`, { authorization: `Bearer ${head}.${body}.${'A'.repeat(86)}` })).status).toBe(401)
    const through = await get(`${url}/x?y=1`, bearer)
    expect([through.status, through.text]).toEqual([200, 'echo /x?y=1'])
    await postForm(`${started.issuer}/oauth/revoke`, { client_id: 'demo-spa', token })
    expect((await get(`${url}/x?y=1`, bearer)).status).toBe(401)
  })
})
