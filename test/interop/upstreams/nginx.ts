import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { guarded } from '@gatehouse/gateway/fixtures/spellings'
import { findFreePort, get } from '../../flows/running-program.ts'
import { type Received, recorded, type Upstream } from './record.ts'

/** Whether nginx cannot be had here. */
export const isNginxMissing = (process.env.GATEHOUSE_MISSING ?? '').includes('nginx')

/** Another host of the same nginx, which only whoever names it gets to. */
export const otherHost = 'internal.test'

/** What the tests ask it themselves, so as to know that its record has been written. */
const mark = '/nginx-has-written-'

/**
 * An nginx as lenient as it can be made: any header name, proxies believed, a second host at the same port. What it
 * cannot do by itself (`/upload`, `/large`, WebSockets) it passes on to a service of plain node behind it. What it has received is its
 * own access log.
 */
export async function startNginx(name: string, startBehind: () => Promise<Upstream>): Promise<Upstream> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-nginx-'))
  const port = await findFreePort()
  const behind = await startBehind()
  const file = join(folder, 'nginx.conf')
  writeFileSync(file, configuration(folder, port, behind.origin, name))
  const path = `${process.env.PATH}:/usr/sbin`
  const nginx = spawn('nginx', ['-c', file, '-p', folder], { env: { ...process.env, PATH: path } })
  const origin = `http://127.0.0.1:${port}`
  for (let tries = 0; tries < 100 && !(await get(origin + mark).catch(() => undefined)); tries += 1) await pause(50)

  let marks = 0
  const readLog = (): Received[] =>
    readFileSync(join(folder, 'received.log'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
  return {
    origin,
    bodies: behind.bodies,
    async received() {
      marks += 1
      const last = `${mark}${marks}`
      await get(origin + last)
      for (let tries = 0; tries < 200; tries += 1) {
        const all = readLog()
        if (all.some(({ target }) => target === last)) return all.filter(({ target }) => !target.startsWith(mark))
        await pause(5)
      }
      throw new Error('nginx has not written what it received')
    },
    async stop() {
      const ended = new Promise((resolve) => nginx.once('exit', resolve))
      nginx.kill()
      await ended
      await behind.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))

function configuration(folder: string, port: number, behind: string, name: string): string {
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const temporary = places.map((place) => `${place}_temp_path ${folder}/${place};`)
  const headers = recorded.map((header) => `"${header}":"$http_${header.replaceAll('-', '_')}"`)
  const fields = '"method":"$request_method","target":"$request_uri","path":"$uri","address":"$remote_addr"'
  const answer = (place: string): string => `return 200 "${place} subject=$http_x_gatehouse_subject at=${name}";`
  const pass = `proxy_pass ${behind}; proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $wish;`
  return `daemon off;
user ${userInfo().username};
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events {}
http {
  log_format received escape=json '{${fields},"headers":{${headers.join(',')}}}';
  access_log ${folder}/received.log received;
  ${temporary.join('\n  ')}
  underscores_in_headers on;
  ignore_invalid_headers off;
  large_client_header_buffers 4 32k;
  set_real_ip_from 127.0.0.1;
  real_ip_header X-Forwarded-For;
  map $http_upgrade $wish { default Upgrade; '' close; }
  server {
    listen 127.0.0.1:${port} default_server;
    location = ${guarded} {
      if ($http_upgrade) { rewrite ^ /live-guarded last; }
      ${answer('guarded')}
    }
    location = /live-guarded { internal; rewrite ^ ${guarded} break; ${pass} }
    location /v2 { ${answer('inside')} }
    location = /kept { add_header Cache-Control "public, max-age=3600"; ${answer('open')} }
    location = /upload { client_max_body_size 64m; ${pass} }
    location = /large { ${pass} }
    location /live/ { ${pass} }
    location / { ${answer('open')} }
  }
  server {
    listen 127.0.0.1:${port};
    server_name ${otherHost};
    location / { ${answer('guarded')} }
  }
}
`
}
