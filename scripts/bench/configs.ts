/** The same proxy written for both products: one thread, pooled keep-alive to one server, X-Forwarded-For, no log. */
import type { BenchCase } from "./cases.ts";

export interface ProxySetup {
  readonly bench: BenchCase;
  readonly port: number;
  readonly backendPort: number;
  /** PEM file with chain and key, for TLS cases. */
  readonly certificate: string;
  readonly folder: string;
  readonly workers: number;
}

export function haproxyConfig(setup: ProxySetup): string {
  const { bench } = setup;
  const http = bench.mode === "http" ? "  option forwardfor\n  http-reuse always\n" : "";
  return `global
  nbthread ${setup.workers}
  maxconn 4000
defaults
  mode ${bench.mode}
  timeout connect 5s
  timeout client 50s
  timeout server 50s
  option splice-auto
${http}
frontend web
  bind 127.0.0.1:${setup.port}${bench.tls ? ` ssl crt ${setup.certificate}` : ""}
  default_backend app
backend app
  server s1 127.0.0.1:${setup.backendPort}
`;
}

export function ballastConfig(setup: ProxySetup): string {
  const { bench } = setup;
  const address = `127.0.0.1:${setup.port}`;
  const bind = bench.tls
    ? `{ address = "${address}", tls = { certificates = ["${setup.certificate}"] } }`
    : `"${address}"`;
  return `[global]
workers = ${setup.workers}
maxconn = 4000
[admin]
socket = "${setup.folder}/ballast.sock"
[defaults]
mode = "${bench.mode}"
timeouts = { connect = "5s", client = "50s", server = "50s" }
options = [${bench.mode === "http" ? '"forwardfor", "no httplog"' : '"no tcplog"'}]
[frontend.web]
bind = [${bind}]
default_backend = "app"
[backend.app]
servers = ["127.0.0.1:${setup.backendPort}"]
`;
}

/** One process that answers from memory and the page cache, so that the proxy is what is measured. */
export function nginxConfig(port: number, folder: string, smallBody: string): string {
  return `daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log ${folder}/nginx.log warn;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  sendfile on;
  tcp_nopush on;
  client_body_temp_path ${folder}/nginx-body;
  proxy_temp_path ${folder}/nginx-proxy;
  fastcgi_temp_path ${folder}/nginx-fastcgi;
  uwsgi_temp_path ${folder}/nginx-uwsgi;
  scgi_temp_path ${folder}/nginx-scgi;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${folder}/www;
    location = /small { default_type text/plain; return 200 ${JSON.stringify(smallBody)}; }
  }
}
`;
}
