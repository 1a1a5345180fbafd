import { spawn, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Target } from './target.ts'
import { freePort, stopProcess, untilListening } from './target.ts'

const PLACES = ['nginx', '/usr/sbin/nginx', '/usr/local/sbin/nginx', '/opt/homebrew/bin/nginx']

/** The nginx of this machine, or undefined. */
export function findNginx(): string | undefined {
  return PLACES.find((place) => spawnSync(place, ['-v']).status === 0)
}

/**
 * Two listeners of one worker: whole answers buffered, as is nginx's default and its cheapest, streams not, or they
 * would arrive in lumps. Buffers of 16 KB take 50 events in one read: with the default of 4 KB nginx needs 1.6 times the CPU for them.
 */
export function nginxConfig(folder: string, ports: { whole: number; stream: number; upstream: number }): string {
  const server = (port: number, buffering: string): string => `
  server {
    listen 127.0.0.1:${port} backlog=1024;
    location / {
      proxy_pass http://fake;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering ${buffering};
      proxy_buffer_size 16k;
      proxy_buffers 8 16k;
    }
  }`
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `  ${name}_temp_path ${folder}/${name};`).join('\n')
  return `worker_processes 1;
daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log error;
events { worker_connections 4096; }
http {
  access_log off;
${temporary}
  keepalive_requests 100000000;
  upstream fake {
    server 127.0.0.1:${ports.upstream};
    keepalive 512;
    keepalive_requests 100000000;
  }${server(ports.whole, 'on')}${server(ports.stream, 'off')}
}
`
}

/** Starts nginx before the fake provider, with a configuration of its own in `folder`. */
export async function startNginx(program: string, folder: string, upstreamPort: number): Promise<Target> {
  const ports = { whole: await freePort(), stream: await freePort(), upstream: upstreamPort }
  const file = join(folder, 'nginx.conf')
  writeFileSync(file, nginxConfig(folder, ports))
  const child = spawn(program, ['-p', folder, '-e', join(folder, 'error.log'), '-c', file], { stdio: ['ignore', 'ignore', 'inherit'] })
  await untilListening(ports.stream, child)
  return {
    name: 'nginx',
    route: 'plain',
    port: (scenario) => (scenario.isStream ? ports.stream : ports.whole),
    root: child.pid ?? 0,
    stop: () => stopProcess(child),
  }
}
