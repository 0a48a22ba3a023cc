/** The configurations that the demo writes: what a first configuration of one's own looks like. */

export interface DemoServer {
  readonly name: string;
  /** host:port */
  readonly address: string;
}

export interface LocalDemo {
  readonly socket: string;
  readonly logFile: string;
  /** host:port */
  readonly bind: string;
  readonly servers: readonly DemoServer[];
}

const common = `[defaults]
mode = "http"
options = ["forwardfor", "redispatch", "dontlognull", "httplog"]
retries = 3
timeouts = { connect = "500ms", client = "30s", server = "1s", check = "500ms", queue = "1s" }
`;

function serverLines(servers: readonly DemoServer[]): string {
  return servers.map(({ name, address }) => `  { name = "${name}", address = "${address}" },`).join("\n");
}

function backend(servers: readonly DemoServer[]): string {
  return `[backend.app]
balance = "roundrobin"
check = { http = "GET /health", expect = "200", interval = "500ms", rise = 2, fall = 2 }
servers = [
${serverLines(servers)}
]
`;
}

/** One appliance on loopback in front of three toys. */
export function localToml(demo: LocalDemo): string {
  return `# Written by "ballast demo"; gone when it ends.
[global]
node = "demo"
workers = 1
maxconn = 2000
log = [{ target = "file:${demo.logFile}" }]

[admin]
socket = "${demo.socket}"

${common}
[frontend.web]
bind = ["${demo.bind}"]
default_backend = "app"

${backend(demo.servers)}`;
}

export interface HaNode {
  readonly name: string;
  readonly socket: string;
  readonly logFile: string;
  readonly interface: string;
  readonly priority: number;
  /** With prefix length. */
  readonly vip: string;
  readonly servers: readonly DemoServer[];
}

/** The VRRP advert interval of the demo: a dead master is missed after three of them and the skew time. */
export const HA_ADVERT_MS = 100;

/** One of two appliances that share a virtual address. */
export function haToml(node: HaNode): string {
  return `# Written by "ballast demo --ha"; gone when it ends.
[global]
node = "${node.name}"
workers = 1
maxconn = 2000
log = [{ target = "file:${node.logFile}" }]

[admin]
socket = "${node.socket}"

${common}
[frontend.web]
bind = ["vip:web:80"]
default_backend = "app"

${backend(node.servers)}
[vrrp.web]
interface = "${node.interface}"
virtual_router_id = 51
priority = ${node.priority}
version = 3
advert_interval = "${HA_ADVERT_MS}ms"
addresses = ["${node.vip}"]
track = [{ proxy = true }]
`;
}
