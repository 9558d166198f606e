import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findFreePort, startServer } from '../processes.mjs'
import { processTree } from '../usage.mjs'

/**
 * Starts an nginx of its own with one worker, which keeps everything below a folder.
 * @param {string} folder
 * @param {(port: number) => string} buildServers what stands in its http block
 */
export async function startNginx(folder, buildServers) {
  mkdirSync(folder, { recursive: true })
  const port = await findFreePort()
  const file = join(folder, 'nginx.conf')
  const kept = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${join(folder, name)};`)
    .join('\n')
  // Started as root, the worker would be somebody who may not read the folder.
  writeFileSync(
    file,
    `${process.getuid?.() === 0 ? 'user root;\n' : ''}worker_processes 1;
pid ${join(folder, 'nginx.pid')};
error_log ${join(folder, 'error.log')};
daemon off;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 1000000000;
  default_type application/json;
${kept}
${buildServers(port)}
}
`,
  )
  const nginx = await startServer(port, 'nginx', ['-p', folder, '-c', file, '-e', join(folder, 'error.log')])
  return { ...nginx, pids: () => processTree(nginx.pid) }
}

/** Serves one file for every path. */
export const serveFile = (folder, name) => (port) =>
  `  server {
    listen 127.0.0.1:${port};
    root ${folder};
    open_file_cache max=8;
    location / { try_files /${name} =404; }
  }`

/**
 * Passes everything on that the service on `authPort` says yes to. Both locations say for themselves that connections are
 * kept: nginx inherits no proxy_set_header where a location has one of its own, and a connection for every question to the
 * service would make nginx two and a half times slower than it is.
 */
export const proxyWithAuthRequest = (upstreamPort, authPort) => (port) =>
  `  upstream service {
    server 127.0.0.1:${upstreamPort};
    keepalive 128;
    keepalive_requests 1000000000;
  }
  upstream auth {
    server 127.0.0.1:${authPort};
    keepalive 128;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port};
    proxy_http_version 1.1;
    location / {
      auth_request /check;
      proxy_pass http://service;
      proxy_set_header Connection "";
    }
    location = /check {
      internal;
      proxy_pass http://auth/;
      proxy_pass_request_body off;
      proxy_set_header Connection "";
      proxy_set_header Content-Length "";
    }
  }`
